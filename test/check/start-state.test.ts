import type {Judged} from '../../harness/check/listeners.ts'
import type {Elsewhere, StartOutcome} from '../../harness/check/start-outcome.ts'
import {
  type ClientSeen,
  foldStart,
  type StartEvent,
  type StartState,
  startBegun,
} from '../../harness/check/start-state.ts'
import type {Holder} from '../../harness/platforms/socket-holders.ts'
import type {SocketEntry} from '../../harness/platforms/socket-table.ts'
import {test} from '../declare.ts'

const holder = (pid: number): Holder => ({
  ...{pid, command: `server ${pid}`, parent: 1, uid: 0, user: 'root'},
})
const ours = holder(1)
const old = holder(2)
const socket = {local: {address: '127.0.0.1', port: 3000}, state: 'LISTEN'} as SocketEntry
const nobody: Judged = {ours: [], old: [], others: [], unseen: []}
const judged = (some: Partial<Judged>): Judged => ({...nobody, ...some})
const exited = {code: 0, signal: null, seconds: 1}

const limits = {startedAt: 0, deadline: 20, elsewhereSeconds: 5, hasClient: true}
const begun = (oldAlive = false, hasClient = true) => startBegun({...limits, hasClient}, oldAlive)

type Look = Extract<StartEvent, {event: 'look'}>
const look = (at: number, some: Partial<Look> = {}): Look => ({
  ...{event: 'look', at, to: at, ending: undefined, oldAlive: false, leftBehind: false},
  ...{judged: undefined, client: undefined, ...some},
})
const client = (at: number, some: Partial<ClientSeen> = {}): ClientSeen => ({
  ...{at, ours: [], isOwned: false, held: [], ...some},
})
const fold = (state: StartState, ...events: StartEvent[]) => events.reduce(foldStart, state)
const outcomeOf = (state: StartState, ...events: StartEvent[]): StartOutcome | undefined =>
  fold(state, ...events).outcome

test('a start listens between the last look that did not show it and the one that does', (t) => {
  t.deepEqual(outcomeOf(begun(), look(1), look(2), look(3, {judged: judged({ours: [ours]})})), {
    ...{kind: 'listening', at: 3, notBefore: 2, holders: [ours], beside: []},
  })
})

test('a reading that was held up shows what came meanwhile: it listened by its end at the latest', (t) => {
  const heldUp = look(2, {to: 6, judged: judged({ours: [ours]})})
  t.like(outcomeOf(begun(), look(1), heldUp), {kind: 'listening', at: 6, notBefore: 1})
  // And what it does not show was not there when it began.
  const nothing = look(2, {to: 6})
  const seen = look(7, {judged: judged({ours: [ours]})})
  t.like(outcomeOf(begun(), nothing, seen), {kind: 'listening', at: 7, notBefore: 2})
})

test('a client that was let in tells more exactly when, and a listener that is gone again was there', (t) => {
  const seen = {judged: judged({ours: [ours]}), client: client(2.5)}
  t.like(outcomeOf(begun(), look(2), look(3, seen)), {kind: 'listening', at: 2.5, notBefore: 2})
  const gone = look(3, {client: client(2.5, {ours: [ours], isOwned: true})})
  t.like(outcomeOf(begun(true), look(2, {oldAlive: true}), gone), {kind: 'listening', at: 2.5})
})

test('a client that may have been let in by an old process is given up', (t) => {
  const isOld = look(1, {oldAlive: true, client: client(0.5)})
  t.like(fold(begun(true), isOld), {outcome: undefined, client: {rejects: true, tries: 'yes'}})
  const after = look(2, {judged: judged({ours: [ours]}), client: client(0.5)})
  t.like(fold(begun(true), isOld, after), {
    ...{outcome: {kind: 'listening', at: 2}, client: {rejects: true, tries: 'as-before'}},
  })
})

test('while an old process listens nobody connects, and one that ceases in time is told of', (t) => {
  const beside = look(1, {oldAlive: true, judged: judged({ours: [ours], old: [old]})})
  t.like(fold(begun(true), beside), {outcome: undefined, client: {rejects: true, tries: 'no'}})
  const alone = look(2, {judged: judged({ours: [ours]})})
  t.like(outcomeOf(begun(true), beside, alone), {kind: 'listening', at: 2, beside: [old]})
  const limit: StartEvent = {event: 'elsewhere', at: 21, found: undefined}
  t.deepEqual(outcomeOf(begun(true), beside, {...beside, at: 21}, limit), {
    ...{kind: 'beside-old', holders: [old]},
  })
})

test('a listener without a process is waited for, for half a second', (t) => {
  const unseen = (at: number) => look(at, {judged: judged({unseen: [socket]})})
  t.is(outcomeOf(begun(), unseen(1), unseen(1.4)), undefined)
  t.deepEqual(outcomeOf(begun(), unseen(1), unseen(1.6)), {kind: 'unseen', sockets: [socket]})
  const between = look(1.4, {judged: nobody})
  t.is(outcomeOf(begun(), unseen(1), between, unseen(1.6)), undefined)
})

test('somebody else who listens is the answer', (t) => {
  const others = [holder(9)]
  t.deepEqual(outcomeOf(begun(), look(1, {judged: judged({others})})), {
    ...{kind: 'other-process', holders: others},
  })
})

test('a command that has ended listens no longer, unless it left a daemon that still may', (t) => {
  t.deepEqual(outcomeOf(begun(), look(2, {ending: exited})), {kind: 'exited', ending: exited})
  const leaving = {ending: exited, leftBehind: true}
  t.is(outcomeOf(begun(), look(2, leaving)), undefined)
  t.like(outcomeOf(begun(), look(7, leaving)), {kind: 'exited'})
  t.like(outcomeOf(begun(), look(2, {...leaving, ending: {...exited, code: 1}})), {kind: 'exited'})
  const listens = {...leaving, judged: judged({ours: [ours]})}
  t.like(outcomeOf(begun(false, false), look(2, listens)), {kind: 'daemonised'})
  t.like(outcomeOf(begun(), look(2, listens)), {kind: 'listening'})
})

test('one that listens elsewhere is given time, and one that never listens has the limit', (t) => {
  const found: Elsewhere = {kind: 'other-port', ports: [3001]}
  const elsewhere = (at: number): StartEvent => ({event: 'elsewhere', at, found})
  t.is(outcomeOf(begun(), look(1), elsewhere(1), look(5), elsewhere(5)), undefined)
  t.deepEqual(outcomeOf(begun(), look(1), elsewhere(1), look(7), elsewhere(7)), {
    ...{kind: 'other-port', ports: [3001]},
  })
  const nowhere: StartEvent = {event: 'elsewhere', at: 7, found: undefined}
  t.is(
    outcomeOf(begun(), look(1), elsewhere(1), look(7), nowhere, look(8), elsewhere(8)),
    undefined,
  )
  t.deepEqual(outcomeOf(begun(), look(21), nowhere), {kind: 'never-listened'})
  t.like(outcomeOf(begun(), look(21), elsewhere(21)), {kind: 'other-port'})
})
