import {becauseOf, claims, situationOf} from '../../harness/compare/because.ts'
import {questionOf} from '../../harness/matrix/question.ts'
import {darwin} from '../../harness/platforms/darwin.ts'
import {platformsWithRules} from '../../harness/platforms/detect.ts'
import {gvisor} from '../../harness/platforms/gvisor.ts'
import {linux} from '../../harness/platforms/linux.ts'
import type {BindQuestion, Platform} from '../../harness/platforms/platform.ts'
import {test} from '../declare.ts'
import {everyCell} from './documents-by-rules.ts'

function ask(platform: Platform, question: BindQuestion) {
  if (platform.rules === null) throw new Error(`${platform.title} has no rules`)
  return {platform, question, rule: platform.rules.bind(question)}
}

test('what the table claims of a platform is what its rules say, for every question it applies to', (t) => {
  const used = new Set<object>()
  for (const cell of everyCell()) {
    const question = questionOf(cell)
    const situation = situationOf(question)
    if (situation === undefined) continue
    for (const claim of claims) {
      const platform = platformsWithRules.find(({stack}) => stack === claim.stack)
      if (platform === undefined) return t.fail()
      const {rule} = ask(platform, question)
      if (!claim.applies(situation) || rule.id === 'no-overlap') continue
      used.add(claim)
      if (claim.grants(situation) !== (rule.outcome === 'granted')) {
        t.fail(JSON.stringify({cell, rule, claim}))
      }
    }
  }
  t.is(used.size, claims.length)
})

test('wherever two platforms differ, the sentence names both', (t) => {
  for (const cell of everyCell()) {
    for (const a of platformsWithRules) {
      for (const b of platformsWithRules) {
        const [askedA, askedB] = [ask(a, questionOf(cell)), ask(b, questionOf(cell))]
        if (askedA.rule.outcome === askedB.rule.outcome) continue
        const {text: sentence} = becauseOf(askedA, askedB)
        if (!sentence.includes(a.title) || !sentence.includes(b.title)) t.fail(sentence)
      }
    }
  }
  t.pass()
})

const sentences: [Platform, Platform, Partial<BindQuestion>, string, string, string][] = [
  [
    linux,
    darwin,
    {residue: 'TIME_WAIT'},
    'none',
    'reuseaddr',
    'Linux asks both sockets for SO_REUSEADDR; macOS only the new one',
  ],
  [
    darwin,
    linux,
    {residue: 'TIME_WAIT'},
    'none',
    'reuseaddr',
    'macOS asks only the new socket for SO_REUSEADDR; Linux both',
  ],
  [
    linux,
    gvisor,
    {residue: 'TIME_WAIT'},
    'reuseaddr',
    'reuseport',
    'Linux asks both sockets for SO_REUSEPORT; gVisor only the new one',
  ],
  [
    gvisor,
    darwin,
    {residue: 'TIME_WAIT'},
    'none',
    'reuseaddr',
    'gVisor asks both sockets for SO_REUSEADDR; macOS only the new one',
  ],
  [
    linux,
    gvisor,
    {residue: 'TIME_WAIT'},
    'none',
    'both',
    'Linux asks both sockets for SO_REUSEADDR or SO_REUSEPORT; gVisor is content with SO_REUSEPORT on the new socket',
  ],
]

for (const [a, b, {residue = 'none'}, old, fresh, expected] of sentences) {
  test(`${a.title} and ${b.title} over ${residue}, ${old} -> ${fresh}: ${expected}`, (t) => {
    const question = {
      residue,
      predecessor: {bind: old, address: '127.0.0.1'},
      successor: {bind: fresh, address: '127.0.0.1'},
    } as BindQuestion
    t.is(becauseOf(ask(a, question), ask(b, question)).text, expected)
  })
}

test('beside a live wildcard listener, Linux wants SO_REUSEPORT where gVisor and macOS look at the address', (t) => {
  const question: BindQuestion = {
    residue: 'LISTEN',
    predecessor: {bind: 'reuseaddr', address: '0.0.0.0'},
    successor: {bind: 'reuseaddr', address: '127.0.0.1'},
  }
  const ofLinux = 'Linux lets nothing bind beside a listener unless both sockets have SO_REUSEPORT'
  t.is(
    becauseOf(ask(linux, question), ask(gvisor, question)).text,
    `${ofLinux}; gVisor lets sockets that share an option bind beside a listener on another address`,
  )
  t.is(
    becauseOf(ask(linux, question), ask(darwin, question)).text,
    `${ofLinux}; macOS lets a new socket with an option bind beside a listener on another address`,
  )
})

test('where no claim applies the sentence is of the two rules themselves', (t) => {
  const question: BindQuestion = {
    residue: 'LISTEN',
    predecessor: {bind: 'none', address: '0.0.0.0'},
    successor: {bind: 'none', address: 'dual'},
  }
  t.is(
    becauseOf(ask(linux, question), ask(darwin, question)).text,
    'on Linux it is refused, as a listening socket gives way only if both sockets have SO_REUSEPORT; ' +
      'on macOS it is granted, as a dual-stack :: is granted over 0.0.0.0, though 0.0.0.0 is not granted over ::',
  )
})
