/** Rules are told apart by their ids, in documents that outlive the release that wrote them. */

import {ruleIdSchema, rulesNamedBy} from '../../harness/documents/rules.ts'
import {cellsOf} from '../../harness/matrix/cells.ts'
import {judged, rulesFor} from '../../harness/matrix/judge.ts'
import {questionOf} from '../../harness/matrix/question.ts'
import {darwin} from '../../harness/platforms/darwin.ts'
import {platformsWithRules, ruleTexts, unknown} from '../../harness/platforms/detect.ts'
import {gvisor} from '../../harness/platforms/gvisor.ts'
import {linux} from '../../harness/platforms/linux.ts'
import type {Platform} from '../../harness/platforms/platform.ts'
import {blankResult} from '../../harness/restart/blank.ts'
import {scenarios} from '../../scenarios/index.ts'
import {test} from '../declare.ts'

const everywhere = [
  'ended-by-process',
  'inherited-socket',
  'no-overlap',
  'nothing-left',
  'path-exists',
]

/** What documents hold: an id may come to this list, and none may leave it or be renamed. */
const ids: [Platform, bind: string[], others: string[]][] = [
  [
    linux,
    [
      'linux/autobound',
      'linux/both-reuseaddr',
      'linux/both-reuseport',
      'linux/both-sockets',
      'linux/listening',
    ],
    [
      'linux/assassinated',
      'linux/bug-dual-listener-overlooked',
      'linux/bug-mapped-connection-overlooked',
      'linux/bug-time-wait-overlooked',
      'linux/destroyed',
      'linux/destroyed-listener',
      'linux/fin-restarts-time-wait',
      'linux/fin-wait2-timer',
      'linux/no-fin-wait2-bucket',
      'linux/no-migration',
      'linux/no-time-wait-bucket',
      'linux/no-timestamps',
      'linux/not-destroyed',
      'linux/other-parity',
      'linux/other-user',
      'linux/outside-local-ports',
      'linux/queue-migrated',
      'linux/queue-reset',
      'linux/reserved-port',
      'linux/rfc1337',
      'linux/self-connection',
      'linux/spread-by-hash',
      'linux/time-wait-setting',
      'linux/time-wait-timer',
      'linux/timestamps',
    ],
  ],
  [
    darwin,
    [
      'darwin/both-reuseport',
      'darwin/dual-beside-ipv4-wildcard',
      'darwin/newcomer-only',
      'darwin/plain',
      'darwin/same-address',
    ],
    [
      'darwin/close-wait-reset',
      'darwin/earlier-sequence',
      'darwin/fin-does-not-restart',
      'darwin/fin-wait2-timer',
      'darwin/later-sequence',
      'darwin/newest-listener',
      'darwin/oldest-listener',
      'darwin/other-user',
      'darwin/queue-reset',
      'darwin/same-four-tuple',
      'darwin/time-wait-timer',
    ],
  ],
  [
    gvisor,
    [
      'gvisor/both-reuseaddr',
      'gvisor/both-sockets',
      'gvisor/listening',
      'gvisor/newcomer-reuseport',
      'gvisor/over-connection',
    ],
    [
      'gvisor/fin-restarts-time-wait',
      'gvisor/fin-wait2-timer',
      'gvisor/four-tuple-unavailable',
      'gvisor/queue-reset',
      'gvisor/same-four-tuple',
      'gvisor/spread-by-hash',
      'gvisor/time-wait-kept',
      'gvisor/time-wait-timer',
    ],
  ],
]

test('every platform with rules is in the list', (t) => {
  t.deepEqual(
    new Set(ids.map(([{stack}]) => stack)),
    new Set(platformsWithRules.map((p) => p.stack)),
  )
})

for (const [platform, bind, others] of ids) {
  const {rules, stack, title} = platform
  if (rules === null) throw new Error(`${title} has no rules`)

  test(`${title}: the rules have the ids that documents know`, (t) => {
    t.deepEqual(Object.keys(rules.table).sort(), [...everywhere, ...bind, ...others].sort())
  })

  test(`${title}: ids are kebab-case, and name the system before a slash or are every system's`, (t) => {
    for (const [id, {because, source}] of Object.entries(rules.table)) {
      t.true(ruleIdSchema.safeParse(id).success, id)
      t.true(everywhere.includes(id) || id.startsWith(`${stack}/`), id)
      t.true(because !== '' && source !== '', id)
    }
  })

  test(`${title}: every cell of the matrix names one of the bind rules, and each is named by some`, (t) => {
    const cells = cellsOf({}).map((cell) => judged(cell, undefined, rules))
    const named = cells.map(({rule}) => rule)
    t.deepEqual([...new Set(named)].sort(), ['no-overlap', 'nothing-left', ...bind].sort())
    const table = rulesFor(cells, rules)
    for (const id of new Set(named)) {
      t.deepEqual(table?.[String(id)], ruleTexts(rules, [String(id)])[String(id)])
    }
    t.like(table, {version: rules.version, measured: rules.measured})
  })

  test(`${title}: a bind rule has one outcome, whatever is asked`, (t) => {
    const outcomes = new Map<string, string>()
    for (const cell of cellsOf({})) {
      const {id, outcome} = rules.bind(questionOf(cell))
      if ((outcomes.get(id) ?? outcome) !== outcome) t.fail(id)
      outcomes.set(id, outcome)
    }
    t.true(outcomes.size > 2)
  })

  test(`${title}: what is expected of each scenario names rules of the table alone`, (t) => {
    for (const [id, scenario] of Object.entries(scenarios)) {
      const {expected} = blankResult(id, scenario, {platform, settings: {}, limitSeconds: 150})
      if (expected === null) {
        // Of what only a namespace can have, a system without any need not have rules.
        t.true(stack !== 'linux' && scenario.namespace !== undefined, id)
        continue
      }
      t.not(expected.rule, undefined, id)
      for (const rule of rulesNamedBy(expected)) {
        t.true(Object.hasOwn(rules.table, rule), `${id}: ${rule}`)
      }
      t.is(expected?.release === undefined, expected?.residueSeconds === undefined, id)
    }
  })

  test(`${title}: a release is of the state that its rule releases`, (t) => {
    for (const state of ['TIME_WAIT', 'FIN_WAIT2'] as const) {
      t.is(rules.table[rules.release(state, {}).id]?.releases, state)
    }
    t.is(rules.release('ESTABLISHED', {}).id, 'ended-by-process')
  })
}

test('a text is given for every known id once, and for no other', (t) => {
  const asked = ['no-overlap', 'no-overlap', 'linux/both-sockets', 'toString', 'linux/of-tomorrow']
  t.deepEqual(Object.keys(ruleTexts(linux.rules, asked)), ['linux/both-sockets', 'no-overlap'])
  t.deepEqual(Object.keys(ruleTexts(unknown.rules, ['path-exists'])), ['path-exists'])
})
