import type {Result} from '../../harness/documents/report-schema.ts'
import type {TcpState} from '../../harness/platforms/tcp-states.ts'
import {wayNotes, waysOf, wayWords} from '../../harness/views/state-ways.ts'
import {resultOf} from '../commands/cli.ts'
import {test} from '../declare.ts'
import {recordedReport} from '../documents/documents.ts'

function words(result: Result, hidden: readonly TcpState[] = []): string[] {
  return waysOf(result, hidden).ways.map((way) => `${way.endpoint} ${wayWords(way)}`)
}

const recorded = (id: string) => resultOf(recordedReport(), id)

test('states that must have been passed are told apart from those that were seen', (t) => {
  const [server = '', client = ''] = words(recorded('server-closes-first'))
  t.regex(
    server,
    /^server LISTEN -> \(SYN_RECV\) -> ESTABLISHED -> \(FIN_WAIT1\) -> TIME_WAIT \d\d\.\d s -> CLOSED$/,
  )
  t.is(client, 'client (SYN_SENT) -> ESTABLISHED -> (CLOSE_WAIT) -> (LAST_ACK) -> CLOSED')
})

test('nothing is inferred where an RST may have ended it', (t) => {
  const result = recorded('server-aborts')
  t.deepEqual(words(result), [
    'server LISTEN -> (SYN_RECV) -> ESTABLISHED -> ? -> CLOSED',
    'client (SYN_SENT) -> ESTABLISHED -> ? -> CLOSED',
  ])
  t.regex(wayNotes(waysOf(result, []), []), /an RST, a timer, or states too short/)
})

test('two ends that close at once both go through CLOSING', (t) => {
  for (const way of words(recorded('simultaneous-close'))) {
    t.regex(way, /ESTABLISHED -> FIN_WAIT1 -> CLOSING -> TIME_WAIT/)
  }
})

test('an end that connects from the port of the server was opened actively', (t) => {
  const [server = '', client = ''] = words(recorded('outgoing-connection-holds-port/plain'))
  t.regex(server, /^server \(SYN_SENT\) -> ESTABLISHED/)
  t.regex(client, /^client \(LISTEN\) -> \(SYN_RECV\) -> ESTABLISHED/)
})

test('a table that hides states says nothing of where a connection went', (t) => {
  const result = recorded('server-closes-first')
  const timeline = result.timeline.filter(({state}) => state !== 'TIME_WAIT')
  const hidden = ['TIME_WAIT', 'FIN_WAIT2'] as const
  const report = {...result, timeline, residue: null}
  t.regex(words(report, hidden)[0] ?? '', /ESTABLISHED [\d.]+ s -> no longer shown$/)
  t.regex(wayNotes(waysOf(report, hidden), hidden), /leaves out TIME_WAIT and FIN_WAIT2/)
})

test('a residue that no timeline shows is on the way', (t) => {
  t.deepEqual(words({...recorded('server-closes-first'), timeline: []}), ['server TIME_WAIT'])
})

test('a connection that comes to life again is another one', (t) => {
  const {connections} = waysOf(recorded('client-takes-another-port/node'), [])
  t.is(connections, 3)
})

test('of an old server that only listens, LISTEN is shown', (t) => {
  t.deepEqual(words(recorded('old-server-still-listening')), ['server LISTEN'])
})
