import type {RunningServer} from '../../harness/check/context.ts'
import {
  foldRestart,
  mergeSurvivors,
  type RestartEvent,
  restartBegun,
} from '../../harness/check/restart-state.ts'
import type {Holder} from '../../harness/platforms/socket-holders.ts'
import {test} from '../declare.ts'

const fold = (...events: RestartEvent[]) => events.reduce(foldRestart, restartBegun(1))
const ending = {code: 1, signal: null, seconds: 2}
const refused = (attempt: number, some: Partial<RestartEvent> = {}) =>
  ({
    ...{event: 'refused', attempt, outcome: {kind: 'exited', ending}, code: 'EADDRINUSE'},
    ...{lines: [`pid ${attempt}: address in use`], cutOff: false, ...some},
  }) as RestartEvent
const holder = (pid: number, command: string): Holder => ({
  ...{pid, command, parent: 1, uid: 0, user: 'root'},
})
const started = (attempt: number): RestartEvent => ({event: 'started', attempt, at: 10 + attempt})

test('attempts that fail alike are one error, and another one is told apart', (t) => {
  const state = fold(
    started(1),
    refused(1),
    started(2),
    refused(2),
    refused(3, {lines: ['no memory']}),
  )
  t.is(state.attempts, 2)
  t.is(state.firstAttemptAt, 11)
  t.deepEqual(
    state.errors.list.map(({firstAttempt, count, code}) => ({firstAttempt, count, code})),
    [
      {firstAttempt: 1, count: 2, code: 'EADDRINUSE'},
      {firstAttempt: 3, count: 1, code: 'EADDRINUSE'},
    ],
  )
})

test('an attempt that the limit cut off counts only where nothing else is known', (t) => {
  const cutOff = (attempt: number) =>
    refused(attempt, {outcome: {kind: 'never-listened'}, code: null, cutOff: true})
  t.is(fold(refused(1), cutOff(2)).errors.list.length, 1)
  t.is(fold(cutOff(1)).errors.list[0]?.kind, 'never-listened')
})

test('a start that got its port after a second try of its own is granted, with the reason', (t) => {
  const successor = {} as RunningServer
  const granted = (after?: Extract<RestartEvent, {event: 'granted'}>['after']): RestartEvent => ({
    ...{event: 'granted', attempt: 1, at: 12, acceptedAt: 13, successor, after},
    lines: ['bind() failed'],
  })
  t.like(fold(started(1), granted()), {
    grantedAt: 12,
    acceptedAt: 13,
    successor,
    errors: {list: []},
  })
  const holders = [holder(7, 'old')]
  const late = fold(started(1), granted({outcome: {kind: 'beside-old', holders}, code: null}))
  t.like(late.errors.list[0], {kind: 'beside-old', lines: ['bind() failed'], count: 1})
})

test('old processes that listened are survivors, once each', (t) => {
  const {oldListeners} = fold(
    {event: 'old-listeners', holders: [holder(7, 'old')]},
    {event: 'old-listeners', holders: [holder(8, 'its child')]},
  )
  const atFirst = [
    {pid: 7, command: 'old', listening: false},
    {pid: 6, command: 'helper', listening: false},
  ]
  t.deepEqual(mergeSurvivors(atFirst, oldListeners), [
    {pid: 7, command: 'old', listening: true},
    {pid: 6, command: 'helper', listening: false},
    {pid: 8, command: 'its child', listening: true},
  ])
})
