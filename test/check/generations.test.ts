import {
  foldGenerations,
  type GenerationEvent,
  type GenerationsState,
  generationsOf,
  hasChanged,
  newProcesses,
  noGenerations,
  oldListeners,
  oldProcesses,
  type Serving,
} from '../../harness/check/generations.ts'
import {test} from '../declare.ts'

const process = (pid: number, listens: boolean, ...clients: number[]): Serving => ({
  ...{pid, started: `${pid}`, parent: 1000, command: `server ${pid}`, listens, sockets: []},
  clients,
})

const cause = 'cause' as const

/** A look every 10 ms from 1 s on; what is no list of processes is another event. */
function watched(
  ...steps: (readonly Serving[] | GenerationEvent | typeof cause)[]
): GenerationsState {
  let at = 1
  return steps.reduce<GenerationsState>((state, step) => {
    if (step === cause) return foldGenerations(state, {event: 'cause', at})
    if (!Array.isArray(step)) return foldGenerations(state, step as GenerationEvent)
    const serving = step as readonly Serving[]
    const from = at
    at += 0.01
    const listeners = serving.filter(({listens}) => listens).length
    return foldGenerations(state, {event: 'look', serving, listeners, from, to: from + 0.001})
  }, noGenerations)
}

const end = (pid: number): GenerationEvent => ({event: 'ended', pid, started: `${pid}`, at: 1.4})
const pids = (state: GenerationsState) =>
  generationsOf(state).map(({processes}) => processes.map(({pid}) => pid))

test('a server that is started anew is another generation, and nobody listened between them', (t) => {
  const old = [process(1, true, 4001)]
  const next = [process(2, true, 4002)]
  const state = watched(old, old, cause, [], [], next, next)
  t.deepEqual(pids(state), [[1], [2]])
  t.true(hasChanged(state))
  const [first, second] = generationsOf(state)
  t.deepEqual(
    [first?.to, second?.from].map((each) => [each?.from.toFixed(3), each?.to.toFixed(3)]),
    [
      ['1.010', '1.021'],
      ['1.030', '1.041'],
    ],
  )
  t.is(second?.to, undefined)
  t.is(state.withoutListener.length, 1)
})

test('a master that stays, and serves nobody, is in no generation; its workers are', (t) => {
  const master = process(1, true)
  const old = [master, process(2, true, 4001)]
  const both = [master, process(2, true, 4001), process(3, true, 4002)]
  const next = [master, process(3, true, 4002)]
  const state = watched(old, old, cause, both, both, next, next)
  t.deepEqual(pids(state), [[2], [3]])
  t.deepEqual(state.withoutListener, [])
})

test('a primary that holds each connection for a moment, to pass it on, is a master, too', (t) => {
  const worker = process(2, false, 4001)
  const state = watched(
    [process(1, true, 4002), worker],
    [process(1, true, 4003), worker],
    [process(1, true), worker],
  )
  t.deepEqual(pids(state), [[2]])
})

test('so is one that is slow to do so', (t) => {
  const worker = {...process(2, false, 4001), parent: 1}
  const both = [process(1, true, 4002), worker]
  t.deepEqual(pids(watched(both, both)), [[2]])
})

test('the end of a worker that never listened is told by itself, not by what it has no connection for', (t) => {
  const primary = process(1, true)
  const idle = watched(
    [primary, process(2, false, 4001)],
    [primary, process(2, false, 4001)],
    [primary],
  )
  t.is(generationsOf(idle)[0]?.to, undefined)
  const ended = foldGenerations(idle, {event: 'ended', pid: 2, started: '2', at: 1.6})
  t.is(generationsOf(ended)[0]?.to?.to, 1.6)
})

test('a process that was seen once is not counted, and without a trigger nothing has changed', (t) => {
  const old = [process(1, true, 4001)]
  const state = watched(old, old, [...old, process(2, true)], old)
  t.deepEqual(pids(state), [[1]])
  t.false(hasChanged(state))
  const later = watched(old, old, cause, old, old)
  t.false(hasChanged(later))
})

test('what ended before the trigger, or nobody listening before it, is not its work', (t) => {
  const [old, next] = [[process(1, true, 4001)], [process(2, true, 4002)]]
  const before = [old, old, [], end(1), next, next]
  t.false(hasChanged(watched(...before, cause, next, next)))
  t.true(hasChanged(watched(...before, cause, [])))
  t.true(hasChanged(watched(old, old, [], cause, [], old)), 'nor was it over')
})

test('a process that comes back to its socket has not ended', (t) => {
  const server = [process(1, true, 4001)]
  const state = watched(server, server, [], server)
  t.is(generationsOf(state)[0]?.to, undefined)
  const [gap] = state.withoutListener
  t.truthy(gap?.to)
})

test('a process that closes its listening socket and opens another is another generation', (t) => {
  const on = (socket: number, ...clients: number[]): Serving => ({
    ...process(1, true, ...clients),
    sockets: [socket],
  })
  const state = watched([on(7)], [on(7)], cause, [on(7, 4001)], [on(8, 4001)], [on(8, 4002)])
  t.deepEqual(pids(state), [[1], [1]])
  t.true(hasChanged(state))
  const [first, second] = generationsOf(state)
  t.true((first?.to?.from ?? 0) < (second?.from.to ?? 0))
  // A second one beside the first is no change, and neither is a look that shows none.
  const more: Serving = {...process(1, true), sockets: [7, 8]}
  t.false(hasChanged(watched([on(7)], [on(7)], cause, [more], [process(1, true)], [on(8)])))
})

test('the end of such a process ends its last generation', (t) => {
  const on = (socket: number): Serving => ({...process(1, true), sockets: [socket]})
  const ended: GenerationEvent = {event: 'ended', pid: 1, started: '1', at: 2}
  const [, second] = generationsOf(watched([on(7)], [on(7)], cause, [on(8)], [on(8)], ended))
  t.is(second?.to?.to, 2)
})

test('the parent of workers is their master, also where they are never seen to have a connection', (t) => {
  const worker = (pid: number): Serving => ({...process(pid, true), parent: 1})
  const [master, one, other] = [process(1, true), worker(2), worker(3)]
  const state = watched([master, one], [master, one], cause, [master, other], [master, other])
  t.deepEqual(pids(state), [[2], [3]])
  t.deepEqual(
    oldProcesses(state).map(({pid}) => pid),
    [2],
  )
})

test('an old server that is never seen to have a connection is no master of one on a socket of its own', (t) => {
  const on = (each: Serving, socket: number): Serving => ({...each, sockets: [socket]})
  const old = on(process(1, true), 7)
  // Whoever started them.
  const next = [on({...process(2, true, 4002), parent: 1}, 8), on(process(3, true), 8)]
  const both = [old, ...next]
  const state = watched([old], [old], cause, both, both)
  t.deepEqual(pids(state), [[1], [2, 3]])
  t.deepEqual(
    oldListeners(state, new Set([7, 8])).map(({pid}) => pid),
    [1],
  )
  // Its worker has no listening socket: it serves for its own parent.
  const worker = {...process(4, false, 4004), parent: 3}
  const passing = [old, on(process(3, true), 8), worker]
  t.deepEqual(pids(watched([old], [old], cause, passing, passing))[0], [1])
})

test('a master is known by the socket that its workers have from it, too', (t) => {
  const on = (each: Serving, ...sockets: number[]): Serving => ({...each, sockets})
  const master = on(process(1, true), 7, 8)
  const workers = [on(process(2, true, 4002), 7), on(process(3, true, 4003), 8)]
  const all = [master, ...workers]
  t.deepEqual(pids(watched(all, all)), [[2, 3]])
})

test('a server that starts its successor by itself is no master of it', (t) => {
  const [old, next] = [process(1, true), {...process(2, true), parent: 1}]
  t.deepEqual(pids(watched([old], [old], cause, [old, next], [old, next])), [[1], [2]])
})

/** Forked by process 1 for one client, with the listening socket. */
const child = (pid: number, ...clients: number[]): Serving => ({
  ...{...process(pid, true, ...clients), parent: 1},
})

test('children that come and go without a trigger are no new generation after it, either', (t) => {
  const server = process(1, true)
  const visit = (pid: number) => [server, child(pid, 4000 + pid)]
  const before = [visit(2), visit(2), [server], end(2)]
  const after = watched(...before, cause, visit(3), visit(3), [server], end(3), visit(4), visit(4))
  t.deepEqual(pids(after), [[1]])
  t.false(hasChanged(after))
  t.deepEqual(newProcesses(after), [])
})

test('a child of such a server that is first seen when its parent has ended is none, either', (t) => {
  const on = (each: Serving, socket: number): Serving => ({...each, sockets: [socket]})
  const server = on(process(1, true), 7)
  const visit = [server, on(child(2, 4002), 7)]
  const orphans = [on(process(3, true, 4003), 7), process(4, false, 4004)]
  const next = [on(process(5, true), 8)]
  const before = [visit, visit, [server], end(2), cause]
  const state = watched(...before, [server], end(1), orphans, orphans, next, next)
  t.deepEqual(pids(state), [[1], [5]])
})

test('where such a server is replaced, the new one and its children are', (t) => {
  const server = process(1, true)
  const orphan = {...child(3, 4003), parent: 1000}
  const [next, its] = [process(5, true), {...child(6, 4006), parent: 5}]
  const state = watched(
    ...[[server, child(2, 4002)], [server, child(2, 4002)], [server], end(2), cause],
    // Forked before its parent was ended, and alive for longer.
    ...[[server, child(3, 4003)], end(1), [orphan], [orphan]],
    ...[[next], [next, its], [next, its]],
  )
  t.true(hasChanged(state))
  t.deepEqual(pids(state), [[1], [5, 6]])
  t.deepEqual(
    newProcesses(state).map(({pid}) => pid),
    [5, 6],
  )
})

test('an old process listens by itself only on a socket that neither a master nor a new process has', (t) => {
  const on = (pid: number, socket: number, ...clients: number[]): Serving => ({
    ...{...process(pid, true, ...clients), sockets: [socket]},
  })
  const reached = new Set([7, 8])
  const listening = (state: GenerationsState, sockets = reached) =>
    oldListeners(state, sockets).map(({pid}) => pid)
  const beside = [on(1, 7), on(2, 8, 4002)]
  const shared = watched([on(1, 7, 4001)], [on(1, 7, 4001)], cause, beside, beside)
  t.deepEqual(listening(shared), [1])
  t.deepEqual(listening(shared, new Set([8])), [], 'of another address')
  const passedOn = [on(1, 7), on(2, 7, 4002)]
  t.deepEqual(listening(watched([on(1, 7, 4001)], [on(1, 7, 4001)], cause, passedOn, passedOn)), [])
  const old = {...process(1, false, 4001), sockets: []}
  const closed = [old, on(2, 8, 4002)]
  t.deepEqual(listening(watched([on(1, 7, 4001)], [on(1, 7, 4001)], cause, closed, closed)), [])
})
