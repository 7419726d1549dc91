import {foldGenerations, noGenerations, type Serving} from '../../harness/check/generations.ts'
import type {FilledReloadOptions} from '../../harness/check/reload-options.ts'
import type {ServerHost, ServerStart} from '../../harness/check/server.ts'
import {cause, nothingYet, runTriggers, type Stage} from '../../harness/check/trigger.ts'
import {monotonicSeconds} from '../../harness/clock.ts'
import {test} from '../declare.ts'

/** What becomes of a trigger that does not end, if the system refuses to send it a signal. */
async function endless(code: 'EPERM' | 'ESRCH') {
  const start = {pid: 4242, ended: new Promise(() => undefined)} as unknown as ServerStart
  const host = {
    start: () => Promise.resolve(start),
    signal: () => Promise.reject(Object.assign(new Error(`kill ${code}`), {code})),
    commandOf: () => 'sudo',
  } as unknown as ServerHost
  const options = {
    ...{port: 80, cwd: '.', triggers: [['sudo', 'restart']], triggerTimeoutSeconds: 0.01},
  } as unknown as FilledReloadOptions
  const {signal} = new AbortController()
  const stage = {host, options, signal, server: undefined} as unknown as Stage
  return runTriggers(stage, () => undefined)
}

test('a trigger of another user, who may not be sent a signal, is said to run on', async (t) => {
  const problem = await endless('EPERM')
  t.is(problem?.kind, 'trigger-failed')
  t.regex(
    problem?.remedy ?? '',
    /this one still runs, as another user: end it with sudo kill 4242$/,
  )
})

test('one that has just ended is not', async (t) => {
  const problem = await endless('ESRCH')
  t.is(problem?.kind, 'trigger-failed')
  t.notRegex(problem?.remedy ?? '', /still runs/)
})

const serving = (pid: number, rest: Partial<Serving>): Serving => ({
  ...{pid, started: `${pid}`, parent: 1, command: 'server', listens: true},
  ...{sockets: [], clients: [], ...rest},
})

/** What comes of a trigger, by who serves in each look from it on; before it, the first of these do, for three looks. */
async function untilOver(
  before: readonly Serving[],
  after: (look: number) => readonly Serving[],
  runningAt: (look: number) => number,
) {
  let state = noGenerations
  let looks = 0
  const from = monotonicSeconds() + 1000
  const look = (all: readonly Serving[]) => {
    const at = from + looks / 100
    const listeners = all.filter(({listens}) => listens).length
    state = foldGenerations(state, {event: 'look', serving: all, listeners, from: at, to: at})
  }
  for (let count = 0; count < 3; count++) look(before)
  const reload = nothingYet()
  const stage = {
    ...{options: {triggerTimeoutSeconds: 10, limitSeconds: 60}, server: undefined},
    ...{running: () => runningAt(looks), failIfFaulty: () => undefined},
    watch: {
      ...{state: () => state, reached: () => new Set([1, 2])},
      cause() {
        state = foldGenerations(state, {event: 'cause', at: from})
      },
      async looks() {
        look(after(++looks))
        await Promise.resolve()
      },
    },
    traffic: {
      answeredPorts: () => new Map([[5000, from]]),
      tally: {answers: [{from: from + 1, at: from + 1}]},
    },
  } as unknown as Stage
  await cause(stage, () => Promise.resolve(undefined), reload)
  return {...reload, looks}
}

const old = serving(41, {sockets: [1]})
const young = serving(42, {sockets: [2], clients: [5000]})

test('an old server that goes on listening on a socket of its own is waited for, and named', async (t) => {
  const {oldListeners, problem, looks} = await untilOver(
    [old],
    () => [old, young],
    (look) => look,
  )
  t.deepEqual(
    oldListeners.map(({pid}) => pid),
    [41],
  )
  t.is(problem, undefined)
  t.true(looks > 10 && looks < 20)
})

test('one that goes late, because there was no processor for it, is not', async (t) => {
  const {oldListeners, looks} = await untilOver(
    [old],
    (look) => (look < 1000 ? [old, young] : [young]),
    (look) => (look < 1000 ? 5 : look),
  )
  t.deepEqual(oldListeners, [])
  t.true(looks >= 1000)
})

test('a child that has all that its parent has, until it becomes a worker, has not answered', async (t) => {
  const master = serving(40, {sockets: [1]})
  const worker = serving(41, {parent: 40, listens: false, clients: [4000]})
  const child = serving(42, {parent: 40, sockets: [1]})
  const started = (look: number) => (look < 5 ? [child] : [])
  const played = await untilOver(
    [master, worker],
    (look) => [master, worker, ...started(look)],
    (look) => look,
  )
  t.is(played.answeredAt, undefined)
  t.true(played.looks > 60, 'it is waited for')
})
