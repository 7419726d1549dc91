import test from 'ava'
import type {LadderRow, Result} from '../../harness/documents/report-schema.ts'
import {textOf} from '../../harness/render/html/markup.ts'
import {renderAsMarkdown} from '../../harness/render/markdown.ts'
import {renderForTerminal} from '../../harness/render/terminal.ts'
import {renderLadder} from '../../harness/views/html/ladder.ts'
import {ladderOf} from '../../harness/views/ladder.ts'
import {reportView, wholeReportView} from '../../harness/views/report.ts'
import {resultOf} from '../commands/cli.ts'
import {recordedReport} from '../documents/documents.ts'

const report = recordedReport()
const {packets: _, ...recorded} = resultOf(report, 'server-closes-first')

const rows: LadderRow[] = [
  {seconds: 1, from: 'client', flags: ['SYN'], connection: 1, client: 'SYN_SENT'},
  {
    ...{seconds: 1.000015, from: 'server', flags: ['SYN', 'ACK'], connection: 1},
    ...{server: 'SYN_RECV', client: 'ESTABLISHED'},
  },
  {seconds: 1.00003, from: 'client', flags: ['ACK'], connection: 1, server: 'ESTABLISHED'},
  {seconds: 1.004, from: 'server', flags: ['ACK'], connection: 1, bytes: 77},
  {
    ...{seconds: 1.01, from: 'server', flags: ['FIN', 'ACK'], connection: 1},
    ...{server: 'FIN_WAIT1', client: 'CLOSE_WAIT'},
  },
  {
    ...{seconds: 1.02, from: 'client', flags: ['FIN', 'ACK'], connection: 1},
    ...{server: 'TIME_WAIT', client: 'LAST_ACK'},
  },
  {seconds: 1.021, from: 'server', flags: ['ACK'], connection: 1, dropped: true},
  {seconds: 1.23, from: 'client', flags: ['FIN', 'ACK'], connection: 1, sentAgain: true},
  {seconds: 1.231, from: 'server', flags: ['ACK'], connection: 1, client: 'CLOSED'},
]
const connection = {socket: 'connection', connection: 1} as const
const result: Result = {
  ...recorded,
  timeline: [
    {...connection, seconds: 1.002, endpoint: 'server', state: 'ESTABLISHED'},
    {...connection, seconds: 1.002, endpoint: 'client', state: 'ESTABLISHED'},
    {...connection, seconds: 1.1, endpoint: 'server', state: 'TIME_WAIT'},
    {...connection, seconds: 1.4, endpoint: 'client', state: 'CLOSED'},
    {...connection, seconds: 61.5, endpoint: 'server', state: 'CLOSED'},
  ],
  packets: {
    file: 'server-closes-first.pcap',
    count: rows.length,
    whole: true,
    droppedByFilter: 1,
    ladder: rows,
    claims: [{claim: 'server-fin-first', says: 'the server closes first', holds: true}],
  },
}
const details = {log: null, sentences: []}
const withResult = (shown: Result) => ({...report, results: [shown]})

const golden = `On the wire
  seconds         server                            client
 0.000000                <-- SYN ------------------ (SYN_SENT)
 0.000015     (SYN_RECV) -- SYN, ACK -------------> ESTABLISHED
 0.000030    ESTABLISHED <-- ACK ------------------
 0.004000                -- ACK, 77 bytes -------->
 0.010000    (FIN_WAIT1) -- FIN, ACK -------------> (CLOSE_WAIT)
 0.020000      TIME_WAIT <-- FIN, ACK ------------- (LAST_ACK)
 0.021000                -- ACK ------------------X
 0.230000                <-- FIN, ACK again -------
 0.231000                -- ACK ------------------> CLOSED
60.500000         CLOSED
Seconds since the first packet. In parentheses: not seen in the socket table, but RFC 9293 has it follow from the packet. X: dropped by the packet filter. As expected: the server closes first. All packets: server-closes-first.pcap.`

test('in a terminal a ladder has the times, the packets, and the states of both ends', (t) => {
  const text = renderForTerminal(reportView(withResult(result), details), undefined)
  t.true(text.includes(golden), text)
})

test('in a narrow terminal no line of a ladder has to be wrapped', (t) => {
  for (const width of [40, 78]) {
    const text = renderForTerminal(reportView(withResult(result), details), width)
    for (const line of text.split('\n')) t.true(line.length <= width, line)
  }
})

test('in Markdown a ladder is a block of text', (t) => {
  const text = renderAsMarkdown(wholeReportView(withResult(result), details))
  t.true(text.includes('0.010000    (FIN_WAIT1) -- FIN, ACK -------------> (CLOSE_WAIT)\n'))
})

test('with many connections, or packets left out, no states are told', (t) => {
  const {packets} = result
  if (packets === undefined) return t.fail()
  const cut = {...packets, count: 500, leftOutAfter: 4}
  const ladder = ladderOf({...result, packets: cut})
  t.deepEqual(ladder?.rungs[4], {kind: 'left-out', packets: 491})
  t.true(ladder?.rungs.every((rung) => !('server' in rung) && !('client' in rung)))
  const many = rows.map((row, index) => ({...row, connection: 1 + (index % 4)}))
  const several = ladderOf({...result, packets: {...packets, ladder: many}})
  t.is(several?.rungs.length, rows.length)
  t.like(several?.rungs[1], {words: 'SYN, ACK #2'})
})

test("what is not judged, not so, or counted otherwise by the filter stands in the ladder's notes", (t) => {
  const {packets} = result
  if (packets === undefined) return t.fail()
  const claim = {claim: 'no-rst', says: 'nobody sends RST'}
  const notes = (changed: object) =>
    ladderOf({...result, packets: {...packets, ...changed}})?.notes ?? ''
  t.regex(notes({whole: false}), /could not be captured, so nothing is judged/)
  t.regex(notes({claims: [{...claim, holds: false}]}), /Expected, but not so: nobody sends RST\./)
  t.regex(notes({claims: [{...claim, holds: null}]}), /Expected, but not seen: nobody sends RST\./)
  t.regex(notes({droppedByFilter: 3}), /dropped 3 packets; 1 are marked/)
})

test('drawn, a ladder has an arrow for each packet, wide and narrow, and says in words what it shows', (t) => {
  const ladder = ladderOf(result)
  if (ladder === undefined) return t.fail()
  const svg = textOf(renderLadder(ladder))
  t.is(svg.match(/<svg /g)?.length, 2)
  // The one that was dropped has no head.
  t.is(svg.match(/class="head/g)?.length, 2 * (rows.length - 1))
  t.is(svg.match(/class="leg \w+ inferred/g)?.length, 2)
  t.true(svg.includes('aria-label="Ladder of 10 packets and states between server and client'))
  t.true(svg.includes('>(FIN_WAIT1)</text>'))
  t.true(svg.includes('>0.010000 s</text>'))
})

test('of no packets there is no ladder', (t) => {
  t.is(ladderOf(recorded), undefined)
  const empty = {...result, packets: {count: 0, whole: true, ladder: [], claims: []}}
  t.is(ladderOf(empty), undefined)
})
