import test from 'ava'
import {pcapRecord} from '../../harness/documents/pcap.ts'
import {packetsSchema} from '../../harness/documents/report-schema.ts'
import type {TakenPackets} from '../../harness/namespaces/surroundings.ts'
import {reportedPackets} from '../../harness/restart/packets.ts'

const port = 10_000

/** A TCP packet over IPv4, as it is captured on lo. */
function frame(from: number, to: number, flags: number): Buffer {
  const bytes = Buffer.alloc(54)
  bytes.writeUInt16BE(0x0800, 12)
  bytes[14] = 0x45
  bytes.writeUInt16BE(40, 16)
  bytes[23] = 6
  bytes.writeUInt16BE(from, 34)
  bytes.writeUInt16BE(to, 36)
  bytes[46] = 0x50
  bytes[47] = flags
  return bytes
}
const [fin, syn, ack] = [0x01, 0x02, 0x10]
const fromServer = (flags: number) => frame(port, 40_000, flags)
const fromClient = (flags: number) => frame(40_000, port, flags)

function taken(packets: readonly [at: number, bytes: Buffer][], more: Partial<TakenPackets> = {}) {
  const record = (bytes: Buffer) =>
    pcapRecord({seconds: 1, nanoseconds: 0, length: bytes.length, bytes})
  return {
    records: Buffer.concat(packets.map(([, bytes]) => record(bytes))),
    moments: packets.map(([at]) => at),
    lost: 0,
    ...more,
  } satisfies TakenPackets
}

test('a ladder holds the packets of the port, in seconds since the run began, and what is not TCP is none', (t) => {
  const packets = taken([
    [5, fromClient(syn)],
    [5.5, frame(1, 2, syn)],
    [5.6, Buffer.from('no packet')],
    [6, fromServer(syn | ack)],
  ])
  const reported = reportedPackets(packets, port, 4, [])
  t.deepEqual(packetsSchema.parse(reported), reported)
  t.deepEqual(reported, {
    count: 2,
    whole: true,
    ladder: [
      {seconds: 1, from: 'client', flags: ['SYN'], connection: 1, client: 'SYN_SENT'},
      {
        ...{seconds: 2, from: 'server', flags: ['SYN', 'ACK'], connection: 1},
        ...{server: 'SYN_RECV', client: 'ESTABLISHED'},
      },
    ],
    claims: [],
  })
})

test('of many packets the first and the last are kept, and all are judged', (t) => {
  const many = Array.from({length: 1000}, (_, at): [number, Buffer] => [at, fromClient(ack)])
  many[500] = [500, fromServer(fin | ack)]
  const {count, ladder, leftOutAfter, claims} = reportedPackets(taken(many), port, 0, [
    'server-fin-first',
  ])
  t.is(count, 1000)
  t.deepEqual(
    ladder.map(({seconds}) => seconds),
    [...Array.from({length: 40}, (_, at) => at), ...Array.from({length: 20}, (_, at) => 980 + at)],
  )
  t.is(leftOutAfter, 40)
  t.deepEqual(
    claims.map(({claim, holds}) => [claim, holds]),
    [['server-fin-first', true]],
  )
})

test('packets that could not be captured are told of', (t) => {
  t.false(reportedPackets(taken([], {lost: 1}), port, 0, []).whole)
})

test('a packet is marked as dropped by the rule that was certainly in force when it came', (t) => {
  const periods = [
    {
      ...{what: "the server's packets" as const, port},
      ...{since: {from: 1, to: 2}, until: {from: 4, to: 5}},
    },
    {what: 'all but one FIN each way' as const, port, since: {from: 4, to: 5}},
  ]
  const packets = taken(
    [
      [0, fromServer(ack)],
      [1.5, fromServer(ack)],
      [3, fromServer(ack)],
      [3, fromClient(ack)],
      [6, fromServer(fin)],
      [7, fromServer(fin)],
      [8, fromClient(fin)],
      [9, fromClient(ack)],
    ],
    {filter: {periods, dropped: 4}},
  )
  const {ladder, droppedByFilter} = reportedPackets(packets, port, 0, [])
  t.deepEqual(
    ladder.flatMap(({seconds, dropped}) => (dropped ? seconds : [])),
    [3, 7, 9],
  )
  t.is(droppedByFilter, 4, 'the counter says that one of those in between was dropped, too')
})
