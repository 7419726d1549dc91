import {monotonicSeconds} from '../../harness/clock.ts'
import type {SocketEntry} from '../../harness/platforms/socket-table.ts'
import type {TcpState} from '../../harness/platforms/tcp-states.ts'
import {
  observePort,
  residueOf,
  type StateChange,
  socketsOfPort,
} from '../../harness/restart/observer.ts'
import {test} from '../declare.ts'

const address = '127.0.0.1'
const serverPort = 8080

function serverSide(state: TcpState, clientPort: number, expiresInSeconds: number | null = null) {
  const [local, remote] = [
    {address, port: serverPort},
    {address, port: clientPort},
  ]
  return {state, local, remote, expiresInSeconds} satisfies SocketEntry
}

function clientSide(state: TcpState, clientPort: number): SocketEntry {
  const {local, remote} = serverSide(state, clientPort)
  return {state, local: remote, remote: local, expiresInSeconds: null}
}

const listener = serverSide('LISTEN', 0)

test('residue is counted by endpoint and state, the server first, other ports left out', (t) => {
  const table = [
    clientSide('CLOSE_WAIT', 50001),
    serverSide('TIME_WAIT', 50002),
    serverSide('FIN_WAIT2', 50001),
    serverSide('TIME_WAIT', 50003),
    {...listener, local: {address, port: 8081}},
  ]
  t.deepEqual(residueOf(socketsOfPort(table, serverPort)), [
    {endpoint: 'server', state: 'TIME_WAIT', count: 2},
    {endpoint: 'server', state: 'FIN_WAIT2', count: 1},
    {endpoint: 'client', state: 'CLOSE_WAIT', count: 1},
  ])
})

test('a timer that runs anew in the same state is told, and one that just runs is not', (t) => {
  const changes: StateChange[] = []
  const observe = observePort(serverPort, (change) => changes.push(change))
  for (const left of [60, 59.5, 59.1, 60, 59.9]) observe([serverSide('TIME_WAIT', 50001, left)])
  t.deepEqual(
    changes.map(({state, expiresInSeconds}) => [state, expiresInSeconds]),
    [
      ['TIME_WAIT', 60],
      ['TIME_WAIT', 60],
    ],
  )
})

test('a timer that ran anew between two looks is told, however much of it had gone by at the second', (t) => {
  const changes: StateChange[] = []
  const observe = observePort(serverPort, (change) => changes.push(change))
  const now = monotonicSeconds()
  observe([serverSide('TIME_WAIT', 50001, 59.9)], now)
  // It began anew 3 s before this.
  observe([serverSide('TIME_WAIT', 50001, 57)], now + 9)
  t.deepEqual(
    changes.map(({expiresInSeconds}) => expiresInSeconds),
    [59.9, 57],
  )
})

test('a timer that has run out and waits for its slot to be over does not run anew', (t) => {
  const changes: StateChange[] = []
  const observe = observePort(serverPort, (change) => changes.push(change))
  const now = monotonicSeconds()
  observe([serverSide('TIME_WAIT', 50001, 1)], now)
  observe([serverSide('TIME_WAIT', 50001, 0)], now + 1.5)
  observe([serverSide('TIME_WAIT', 50001, 0)], now + 3)
  t.is(changes.length, 1)
})

test('a port without sockets has no residue', (t) => {
  t.deepEqual(residueOf(socketsOfPort([listener], 9)), [])
})

test('each change of state is reported once, and a vanished socket as CLOSED', (t) => {
  const changes: StateChange[] = []
  const observe = observePort(serverPort, (change) => changes.push(change))
  const began = monotonicSeconds()
  const tables = [
    [listener],
    [listener, serverSide('ESTABLISHED', 50001), clientSide('ESTABLISHED', 50001)],
    [listener, serverSide('ESTABLISHED', 50001), clientSide('ESTABLISHED', 50001)],
    [serverSide('TIME_WAIT', 50001, 59.9)],
    [serverSide('TIME_WAIT', 50001, 42)],
    [],
  ]
  for (const table of tables) t.is(observe(table).length, table.length)
  t.deepEqual(
    changes.map(({endpoint, socket, state}) => `${endpoint} ${socket} ${state}`),
    [
      'server listener LISTEN',
      'server connection ESTABLISHED',
      'client connection ESTABLISHED',
      'server connection TIME_WAIT',
      'server listener CLOSED',
      'client connection CLOSED',
      'server connection CLOSED',
    ],
  )
  t.is(changes.find(({state}) => state === 'TIME_WAIT')?.expiresInSeconds, 59.9)
  const times = changes.map(({seconds}) => seconds)
  t.deepEqual(times, times.toSorted())
  t.true(times.every((seconds) => seconds >= began && seconds <= monotonicSeconds()))
})

test('connections of one listener are followed apart', (t) => {
  const changes: StateChange[] = []
  const observe = observePort(serverPort, (change) => changes.push(change))
  observe([serverSide('ESTABLISHED', 50001), serverSide('ESTABLISHED', 50002)])
  observe([serverSide('TIME_WAIT', 50001), serverSide('ESTABLISHED', 50002)])
  t.deepEqual(
    changes.map(({state}) => state),
    ['ESTABLISHED', 'ESTABLISHED', 'TIME_WAIT'],
  )
})

test('a socket that is bound and no more, which macOS lists as CLOSED, is no residue and no change', (t) => {
  const changes: StateChange[] = []
  const observe = observePort(serverPort, (change) => changes.push(change))
  t.deepEqual(residueOf(observe([serverSide('CLOSED', 0), serverSide('TIME_WAIT', 50001)])), [
    {endpoint: 'server', state: 'TIME_WAIT', count: 1},
  ])
  t.deepEqual(
    changes.map(({state}) => state),
    ['TIME_WAIT'],
  )
})
