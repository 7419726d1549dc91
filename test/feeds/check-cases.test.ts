import type {CheckDocument} from '../../harness/documents/check-schema.ts'
import {casesOfCheck} from '../../harness/feeds/cases/check.ts'
import {test} from '../declare.ts'
import {realDocuments} from '../documents/documents.ts'

const documents = await realDocuments()
const casesOf = (name: string, some: Partial<CheckDocument> = {}) =>
  casesOfCheck({...(documents[name] as CheckDocument), ...some}).map(({name: of, status}) => [
    of,
    status,
  ])

test('a reload is a case, and so is each limit', (t) => {
  t.deepEqual(casesOf('reload'), [
    ['reload', 'unexpected'],
    ['--max-outage 0.1', 'unexpected'],
    ['--max-lost 20', 'as-expected'],
  ])
  const {trigger} = documents.reload as CheckDocument
  if (trigger === undefined) throw new Error('it has no trigger')
  const gapless = {...trigger, withoutListenerSeconds: [0, 0] as [number, number]}
  const without = {lossless: true, losses: [], thresholds: [], trigger: gapless}
  t.deepEqual(casesOf('reload', without), [['reload', 'as-expected']])
  t.deepEqual(casesOf('reload', {...without, trigger}), [['reload', 'unexpected']])
  const missing = {...without, trigger: {...gapless, missingPorts: [9229]}}
  t.deepEqual(casesOf('reload', missing), [['reload', 'unexpected']])
})

test('each second start is a case', (t) => {
  t.deepEqual(casesOf('twice'), [
    ['second start on 127.0.0.1', 'as-expected'],
    ['second start on 0.0.0.0', 'unexpected'],
  ])
})

test('each start on a Unix socket is a case', (t) => {
  t.deepEqual(casesOf('socket'), [
    ['start after a stop', 'as-expected'],
    ['start after SIGKILL', 'unexpected'],
    ['start beside the running one', 'unexpected'],
  ])
  const {socket} = documents.socket as CheckDocument
  const survivors = [{pid: 7, command: 'node old.mjs', listening: true}]
  const starts = (socket?.starts ?? []).map((each) => ({...each, stopTimedOut: true, survivors}))
  t.deepEqual(casesOf('socket', {socket: {path: '/app.sock', starts: starts.slice(0, 1)}}), [
    ['start after a stop (timed out, SIGKILL)', 'unexpected'],
  ])
  const problem = {kind: 'exited', message: 'it ended', remedy: 'look'} as const
  t.deepEqual(casesOf('socket', {socket: undefined, problem}), [['start', 'failed']])
})
