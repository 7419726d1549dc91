import test, {type ExecutionContext} from 'ava'
import {type End, type Segment, segmentsOf} from '../../harness/platforms/tcp-exchange.ts'
import type {TcpFlag, TcpPacket} from '../../harness/platforms/tcp-packet.ts'
import {type WireClaimId, wireClaimIds, wireClaims} from '../../harness/platforms/wire-claims.ts'

const port = 10_000

/** `SA 5 1`: flags, sequence and acknowledgement, and after a plus how many bytes; X: dropped. */
function packet(from: End, words: string, clientPort = 40_000): TcpPacket & {dropped: boolean} {
  const [flags = '', sequence, acknowledges = '0', ...others] = words.split(' ')
  const names: Record<string, TcpFlag> = {S: 'SYN', F: 'FIN', R: 'RST', A: 'ACK'}
  const server = {address: '127.0.0.1', port}
  const client = {address: '127.0.0.1', port: clientPort}
  const bytes = others.find((word) => word.startsWith('+')) ?? '0'
  return {
    ...(from === 'server' ? {from: server, to: client} : {from: client, to: server}),
    flags: new Set([...flags].flatMap((letter) => names[letter] ?? [])),
    sequence: Number(sequence) >>> 0,
    acknowledges: Number(acknowledges) >>> 0,
    bytes: Number(bytes),
    dropped: others.includes('X'),
  }
}

type Line = readonly [from: 'c' | 's', words: string]

function segments(...lines: readonly Line[]): Segment[] {
  return segmentsOf(
    lines.map(([from, words]) => packet(from === 's' ? 'server' : 'client', words)),
    port,
  )
}

const opened: readonly Line[] = [
  ['c', 'S 100'],
  ['s', 'SA 500 101'],
  ['c', 'A 101 501'],
]

function statesOf(all: readonly Segment[]) {
  return all.map(({states: {server = '-', client = '-'}}) => `${server} ${client}`)
}

test('a connection that the server closes goes the way of RFC 9293, figure 12', (t) => {
  const all = segments(...opened, ['s', 'FA 501 101'], ['c', 'FA 101 502'], ['s', 'A 502 102'])
  t.deepEqual(statesOf(all), [
    '- SYN_SENT',
    'SYN_RECV ESTABLISHED',
    'ESTABLISHED -',
    'FIN_WAIT1 CLOSE_WAIT',
    'TIME_WAIT LAST_ACK',
    '- CLOSED',
  ])
})

test('FINs that cross lead both ends through CLOSING', (t) => {
  const all = segments(
    ...opened,
    ['s', 'FA 501 101'],
    ['c', 'FA 101 501'],
    ['s', 'A 502 102'],
    ['c', 'A 102 502'],
  )
  // The client has the server's FIN by then, as nothing was lost: its own acknowledges none of it all the same.
  t.is(wireClaims['fins-cross'].holds(all), true)
  const dropped = segments(
    ...opened,
    ['s', 'FA 501 101 X'],
    ['c', 'FA 101 501 X'],
    ['c', 'FA 101 501'],
    ['s', 'FA 501 101'],
    ['s', 'A 502 102'],
    ['c', 'A 102 502'],
  )
  t.deepEqual(statesOf(dropped).slice(3), [
    'FIN_WAIT1 -',
    '- FIN_WAIT1',
    'CLOSING -',
    '- CLOSING',
    '- TIME_WAIT',
    'TIME_WAIT -',
  ])
})

test('a packet that was dropped leads its receiver nowhere', (t) => {
  const all = segments(...opened, ['s', 'FA 501 101 X'])
  t.deepEqual(statesOf(all).at(-1), 'FIN_WAIT1 -')
})

test('RST closes both ends, but of TIME_WAIT nothing is said', (t) => {
  t.is(statesOf(segments(...opened, ['s', 'RA 501 101'])).at(-1), 'CLOSED CLOSED')
  const late = segments(...opened, ['s', 'FA 501 101'], ['c', 'FA 101 502'], ['c', 'R 101 0'])
  t.is(statesOf(late).at(-1), '- CLOSED')
})

test('what takes a place in the sequence and was there before is sent again, also where numbers wrap around', (t) => {
  const all = segments(
    ['c', 'S 4294967295'],
    ['s', 'SA 500 0'],
    ['c', 'A 0 501'],
    ['c', 'A 0 501 +10'],
    ['c', 'A 0 501 +10'],
    ['c', 'FA 10 501'],
    ['c', 'FA 10 501'],
    ['c', 'A 11 501'],
  )
  t.deepEqual(
    all.map(({sentAgain}) => sentAgain),
    [false, false, false, false, true, false, true, false],
  )
})

test('another SYN between the same ends is another life, the same one again is not', (t) => {
  const all = segments(['c', 'S 100'], ['c', 'S 100'], ['c', 'S 900'])
  t.deepEqual(
    all.map(({life, sentAgain}) => [life, sentAgain]),
    [
      [1, false],
      [1, true],
      [2, false],
    ],
  )
})

test('connections are numbered in their order, and those of other ports are passed over', (t) => {
  const other = {...packet('client', 'S 1'), to: {address: '127.0.0.1', port: 9}}
  const all = segmentsOf(
    [packet('client', 'S 1', 1), packet('client', 'S 1', 2), other, packet('server', 'RA 0 2', 1)],
    port,
  )
  t.deepEqual(
    all.map(({connection}) => connection),
    [1, 2, 1],
  )
})

const serverFin: Line = ['s', 'FA 501 101']
const clientFin: Line = ['c', 'FA 101 502']

/** What shows each claim, and what contradicts it or leaves it open. */
const claimed: Record<WireClaimId, {shows: Segment[]; not: Segment[]; holds: false | undefined}> = {
  'server-fin-first': {
    shows: segments(...opened, serverFin, clientFin),
    not: segments(...opened, clientFin, serverFin),
    holds: false,
  },
  'client-fin-first': {
    shows: segments(...opened, clientFin, serverFin),
    not: segments(...opened, ['c', 'R 101 0']),
    holds: false,
  },
  'server-rst-no-fin': {
    shows: segments(...opened, ['s', 'RA 501 101']),
    not: segments(...opened, serverFin, ['s', 'RA 502 101']),
    holds: false,
  },
  'client-rst-no-fin': {
    shows: segments(...opened, ['c', 'R 101 0']),
    not: segments(...opened, serverFin),
    holds: undefined,
  },
  'client-no-fin': {
    shows: segments(...opened, serverFin),
    not: segments(...opened, clientFin),
    holds: false,
  },
  'fins-cross': {
    shows: segments(...opened, serverFin, ['c', 'FA 101 501']),
    not: segments(...opened, serverFin, clientFin),
    holds: false,
  },
  'client-fin-again': {
    shows: segments(...opened, clientFin, clientFin),
    not: segments(...opened, clientFin),
    holds: undefined,
  },
  'late-fin-met-rst': {
    shows: segments(...opened, clientFin, clientFin, ['s', 'R 502 0']),
    not: segments(...opened, clientFin, ['s', 'R 502 0'], clientFin),
    holds: undefined,
  },
  'no-rst': {
    shows: segments(...opened, serverFin, clientFin),
    not: segments(...opened, ['c', 'R 101 0']),
    holds: false,
  },
  'late-syn-met-ack-met-rst': {
    shows: segments(
      ...opened,
      serverFin,
      clientFin,
      ['c', 'S 900'],
      ['s', 'A 502 102'],
      ['c', 'R 102 0'],
    ),
    not: segments(
      ...opened,
      serverFin,
      clientFin,
      ['c', 'S 900'],
      ['s', 'RA 0 901'],
      ['c', 'S 900'],
    ),
    holds: undefined,
  },
}

function proven(t: ExecutionContext, claim: WireClaimId) {
  const {shows, not, holds} = claimed[claim]
  t.is(wireClaims[claim].holds(shows), true)
  t.is(wireClaims[claim].holds(not), holds)
}

for (const claim of wireClaimIds) {
  test(`packets show ${claim}, and others do not`, proven, claim)
}

test('a late SYN that is answered by SYN and ACK met no TIME_WAIT', (t) => {
  const all = segments(...opened, ['c', 'S 900'], ['s', 'SA 700 901'], ['c', 'A 901 701'])
  t.is(wireClaims['late-syn-met-ack-met-rst'].holds(all), false)
})

test('of nothing captured no claim is contradicted', (t) => {
  for (const claim of wireClaimIds) t.not(wireClaims[claim].holds([]), false, claim)
})
