import type {Sighting} from '../../harness/check/generation-watch.ts'
import {noGenerations, type Seen} from '../../harness/check/generations.ts'
import {
  explainLosses,
  type LossEvidence,
  withoutListenerSeconds,
} from '../../harness/check/losses.ts'
import type {Loss} from '../../harness/traffic/tally.ts'
import {test} from '../declare.ts'

const loss = (fields: Partial<Loss>): Loss => ({
  ...{lane: 'new', failure: 'reset', from: 10, at: 10.2, localPort: 4001, reused: false},
  ...fields,
})

const worker = (to: Seen['to'], ended: Seen['ended'] = to): Seen => ({
  ...{
    pid: 2,
    started: '2',
    parent: 1,
    command: 'server',
    cause: 0,
    sockets: [],
    looks: 9,
    clients: [],
  },
  ...{from: {from: 1, to: 1}, last: {from: 10, to: 10}, to, ended},
  ...{everListened: true, everServed: true},
})

function evidence(fields: Partial<LossEvidence> = {}, sightings: Record<number, Sighting> = {}) {
  return {
    ...{state: noGenerations, mostListeners: 1, isSameListener: false, migratesQueues: false},
    sighting: (port: number) => sightings[port],
    ...fields,
  }
}

const stateWith = (seen: Seen) => ({...noGenerations, seen: new Map([['any', seen]])})
const kinds = (losses: Loss[], given: LossEvidence) =>
  explainLosses(losses, given).map(({kind, count}) => [kind, count])

test('what was refused had no listener, for as long as looks show', (t) => {
  const lastLook = {from: 20, to: 20}
  const withoutListener = [{from: {from: 10, to: 10.01}, to: {from: 10.1, to: 10.11}}]
  const state = {...noGenerations, lastLook, withoutListener}
  const [first] = explainLosses([loss({failure: 'refused'})], evidence({state}))
  t.is(first?.kind, 'no-listener')
  t.is(first?.because, 'nobody listened for 90 to 110 ms')
  const open = {...state, withoutListener: [{from: {from: 10, to: 11}, to: undefined}]}
  t.deepEqual(withoutListenerSeconds(open), {atLeast: 9, atMost: 10})
})

test('losses that are not known one by one count as well', (t) => {
  const all = {refused: 5, reset: 1, 'cut-off': 2, unanswered: 0}
  t.deepEqual(kinds([loss({failure: 'refused'}), loss({failure: 'cut-off'})], evidence({all})), [
    ['no-listener', 5],
    ['closed-unanswered', 2],
    ['reset-unseen', 1],
  ])
})

test('a reset is due to the queue where nobody had accepted it, and to its process where that ended', (t) => {
  const sighting = {4001: {accepted: false, owner: undefined}}
  t.deepEqual(kinds([loss({}), loss({})], evidence({}, sighting)), [['queue-closed', 2]])
  const owned = {4001: {accepted: true, owner: {pid: 2, started: '2'}}}
  const ended = stateWith(worker({from: 10.1, to: 10.2}))
  t.deepEqual(kinds([loss({})], evidence({state: ended}, owned)), [['process-ended', 1]])
  // It had listened no longer for a while, and was killed with requests unanswered.
  const drained = stateWith(worker({from: 5, to: 5.1}, {from: 10.1, to: 10.2}))
  t.deepEqual(kinds([loss({})], evidence({state: drained}, owned)), [['process-ended', 1]])
  const reopened = stateWith({...worker({from: 10.1, to: 10.2}), ended: undefined})
  t.deepEqual(kinds([loss({})], evidence({state: reopened}, owned)), [['reset-by-server', 1]])
  const alive = stateWith(worker(undefined))
  t.deepEqual(kinds([loss({})], evidence({state: alive}, owned)), [['reset-by-server', 1]])
})

test('a reset that no look has seen is due to the queue only if somebody ceased to listen then', (t) => {
  t.deepEqual(kinds([loss({})], evidence()), [['reset-unseen', 1]])
  const near = stateWith(worker({from: 10.1, to: 10.2}))
  t.deepEqual(kinds([loss({})], evidence({state: near})), [['queue-closed', 1]])
  // A socket that is passed on keeps its queue: who had accepted it has ended.
  const held = {state: near, isSameListener: true}
  t.deepEqual(kinds([loss({})], evidence(held)), [['process-ended', 1]])
  t.deepEqual(kinds([loss({})], evidence({isSameListener: true})), [['reset-unseen', 1]])
})

test('where several sockets listen, the queue of each is its own, and tcp_migrate_req is named', (t) => {
  const sighting = {4001: {accepted: false, owner: undefined}}
  const because = (fields: Partial<LossEvidence>) =>
    explainLosses([loss({})], evidence(fields, sighting))[0]?.because ?? ''
  t.notRegex(because({}), /queue of its own/)
  t.regex(because({mostListeners: 2}), /queue of its own.*tcp_migrate_req is 0/)
  t.notRegex(because({mostListeners: 2, migratesQueues: true}), /tcp_migrate_req/)
})

test('a kept connection that is closed as the next request comes is told from one that is cut off', (t) => {
  const cut = {failure: 'cut-off'} as const
  const crossed = loss({...cut, reused: true, from: 10, at: 10.004})
  const served = loss({...cut, reused: true, from: 10, at: 10.4})
  t.deepEqual(kinds([crossed, served, loss({...cut})], evidence()), [
    ['keep-alive-closed', 1],
    ['closed-unanswered', 2],
  ])
  t.deepEqual(kinds([loss({failure: 'unanswered'})], evidence()), [['unanswered', 1]])
})
