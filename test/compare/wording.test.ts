/** Sentences are for people: whatever they say, the same is decided. */
import {kindsOfAdvice} from '../../harness/check/advice.ts'
import {judge} from '../../harness/compare/baseline.ts'
import {compare} from '../../harness/compare/compare.ts'
import {type ComparableDocument, readDocuments} from '../../harness/compare/documents.ts'
import {rulesOf} from '../../harness/compare/rules.ts'
import type {CheckDocument} from '../../harness/documents/check-schema.ts'
import type {Report} from '../../harness/documents/report-schema.ts'
import {darwin} from '../../harness/platforms/darwin.ts'
import {platformsWithRules} from '../../harness/platforms/detect.ts'
import {gvisor} from '../../harness/platforms/gvisor.ts'
import {linux} from '../../harness/platforms/linux.ts'
import type {Rule} from '../../harness/platforms/rule-table.ts'
import {findings} from '../../harness/views/findings.ts'
import {explainPort} from '../../harness/why/explain.ts'
import type {PortPicture} from '../../harness/why/port-picture.ts'
import {scenarios} from '../../scenarios/index.ts'
import {test} from '../declare.ts'
import {earlierGvisor, earlierLinux, realDocuments} from '../documents/documents.ts'
import {matrixBy, reportBy} from './documents-by-rules.ts'

const words = ['because', 'source']
/** What is made of them. */
const sentences = ['why', 'how', 'text', 'message', 'remedy', ...words]

/** A copy in which all rules say the same, so that nothing can tell one from another by what it says. */
function reworded<Value>(value: Value): Value {
  return JSON.parse(
    JSON.stringify(value, (key, member) =>
      words.includes(key) && typeof member === 'string' ? 'so it is' : member,
    ),
  ) as Value
}

/** Without what is said: ids, kinds, counts and whatever else was decided. */
function decisions(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, member) => (sentences.includes(key) ? undefined : member)),
  )
}

/** Has the platforms themselves say the same of all their rules meanwhile. */
function withOtherWords<Result>(act: () => Result): Result {
  const tables = platformsWithRules.map(({rules}) => rules?.table as Record<string, Rule>)
  const before = tables.map((table) => ({...table}))
  for (const table of tables) {
    for (const [id, rule] of Object.entries(table)) {
      table[id] = {...rule, because: 'so it is', source: 'so it is'}
    }
  }
  try {
    return act()
  } finally {
    for (const [index, table] of tables.entries()) Object.assign(table, before[index])
  }
}

const byRules: ComparableDocument[] = [linux, gvisor, darwin].flatMap((platform) => [
  reportBy(platform, {ids: Object.keys(scenarios)}),
  matrixBy(platform),
])
const onLinux = await readDocuments(earlierLinux)
const onGvisor = await readDocuments(earlierGvisor)

for (const [what, documents] of [
  ['documents with ids', byRules],
  ['documents of earlier releases', [...onLinux, ...onGvisor]],
] as const) {
  test(`${what} are compared alike, whatever their rules say`, (t) => {
    const as = (given: readonly ComparableDocument[]) => decisions(compare(given))
    const usual = as(documents)
    t.deepEqual(as(reworded(documents)), usual)
    t.deepEqual(
      withOtherWords(() => as(documents)),
      usual,
    )
    t.true(JSON.stringify(usual).includes('linux/both-sockets'))
  })

  test(`${what} contradict common advice alike, whatever their rules say`, (t) => {
    const reports = documents.flatMap(({kind, content}) => (kind === 'report' ? [content] : []))
    const found = (given: readonly Report[]) =>
      given.map(({results}) => decisions(findings(results, scenarios)))
    t.deepEqual(found(reworded(reports)), found(reports))
    t.true(found(reports).some((each) => JSON.stringify(each).includes('kind')))
  })
}

test('a run against another is judged alike, whatever their rules say', (t) => {
  const changed = onLinux.map((document): ComparableDocument => {
    if (document.kind === 'matrix') return document
    const results = document.content.results.map((result) => ({
      ...result,
      ...(result.bind === null
        ? {}
        : {bind: {...result.bind, verdict: 'immediate' as const, firstError: null}}),
    }))
    return {...document, content: {...document.content, results}}
  })
  const judged = decisions(judge(onLinux, changed))
  t.deepEqual(decisions(judge(reworded(onLinux), reworded(changed))), judged)
  t.true(JSON.stringify(judged).includes('"kind":"grant","rules":["linux/'))
})

test('documents of earlier releases have nothing that differs from themselves', (t) => {
  for (const documents of [onLinux, onGvisor]) {
    const {differences, notCompared} = judge(documents, documents)
    t.deepEqual(differences, [])
    t.deepEqual(
      notCompared.filter(({kind}) => kind !== 'not-measured'),
      [],
    )
    const {cells, scenarios: all} = compare([...documents, ...documents])
    t.is(cells?.differing, 0)
    t.true(all.every(({differs}) => differs.length === 0))
  }
})

test('of documents without ids the rules are those that their systems name today', (t) => {
  for (const {kind, content} of [...onLinux, ...onGvisor]) {
    if (kind !== 'report') continue
    for (const result of content.results) {
      if (result.expected === null) continue
      t.is(result.expected.rule, undefined)
      const {rule, release} = rulesOf(content.host, result)
      t.not(rule, undefined, result.scenario)
      t.is(release === undefined, result.expected.residueSeconds === undefined, result.scenario)
    }
  }
})

test('of a scenario that is not ours any more, the rules follow from its servers and its residue', (t) => {
  const {content} = reportBy(linux, {ids: ['reuseaddr-added-late']})
  const [result] = content.results
  if (result?.expected == null) return t.fail()
  const {rule, release, premises, ...expected} = result.expected
  const old = {...result, scenario: 'my-own', expected}
  t.deepEqual(rulesOf(content.host, old), {rule, release})
  t.is(rule, 'linux/both-sockets')
  t.is(premises, undefined)
})

test('a comparison names the rules at what differs, and has the text of each', (t) => {
  const {scenarios: all, reasons, rules, cells, releases} = compare(byRules)
  const late = all.find(({scenario}) => scenario === 'reuseport-added-late')
  t.deepEqual(late?.rules, [
    'linux/both-sockets',
    'gvisor/newcomer-reuseport',
    'darwin/newcomer-only',
  ])
  const reason = reasons?.find((each) => each.scenarios.includes('reuseport-added-late'))
  t.deepEqual(reason?.rules[0], ['linux/both-sockets'])
  const named = [
    ...all.flatMap((each) => each.rules ?? []),
    ...(reasons ?? []).flatMap((each) => each.rules.flat()),
    ...(cells?.groups ?? []).flatMap((group) => group.rules?.flat() ?? []),
    ...releases.flatMap((each) => each.releases.flatMap((release) => release?.rule ?? [])),
  ].flatMap((id) => id ?? [])
  t.deepEqual(Object.keys(rules ?? {}).sort(), [...new Set(named)].sort())
  // One rule of three systems has the sources of all three.
  const {source} = rules?.['no-overlap'] ?? {}
  t.regex(source ?? '', /inet_hashtables\.c:.*ports\.go:.*in_pcb\.c:/)
})

test('a check gives the same kinds of advice, whatever is said of how it knows', async (t) => {
  const check = (await realDocuments()).check as CheckDocument
  const kinds = (given: CheckDocument) => kindsOfAdvice(given, linux).map(({kind}) => kind)
  t.deepEqual(kinds(reworded(check)), kinds(check))
  t.true(kinds(check).includes('missing-reuseaddr'))
})

test('a port is explained by the same causes and advice, whatever the rules say', (t) => {
  const end = (port: number) => ({address: '127.0.0.1', port})
  const entry = {state: 'TIME_WAIT', local: end(8080), remote: end(40_000), expiresInSeconds: 30}
  const picture = {
    ...{port: 8080, addresses: ['127.0.0.1'], platform: linux, settings: {}, elsewhere: []},
    ...{trialProblem: undefined, problems: {}, unseenProcesses: 0, uid: 0},
    sockets: [{entry, holders: [], outgoing: false}],
    trials: (['none', 'reuseaddr', 'reuseport', 'both'] as const).map((bind) => ({
      ...{address: '127.0.0.1', bind, observed: 'EADDRINUSE'},
    })),
  } as unknown as PortPicture
  const {host} = reportBy(linux).content
  const answer = () => decisions(explainPort(picture, host))
  const usual = answer()
  t.deepEqual(withOtherWords(answer), usual)
  const {causes, advice, rules} = explainPort(picture, host)
  t.is(causes[0]?.rule, 'linux/both-sockets')
  t.is(advice.find(({kind}) => kind === 'set-option')?.rule, 'linux/both-sockets')
  t.deepEqual(Object.keys(rules ?? {}), ['linux/both-sockets'])
})
