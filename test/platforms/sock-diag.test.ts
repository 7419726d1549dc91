import {once} from 'node:events'
import {type AddressInfo, connect, createServer, type Socket} from 'node:net'
import {setImmediate} from 'node:timers/promises'
import test from 'ava'
import {monotonicSeconds} from '../../harness/clock.ts'
import {readProcNetTcp} from '../../harness/platforms/proc-net-tcp.ts'
import {portRanges, readSockDiag} from '../../harness/platforms/sock-diag.ts'
import type {SocketEntry, SocketQuery} from '../../harness/platforms/socket-table.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {numberOf} from '../../harness/why/port-picture.ts'
import {runCli, temporaryFolder} from '../commands/cli.ts'
import {needs, testUnless} from '../needs.ts'
import {netlinkProblem} from '../netlink.ts'
import {withoutNetlink, withoutNetlinkProblem} from '../without-netlink.ts'

const onLinux = needs(netlinkProblem)

/** Both readings of the same sockets, once none of them changes any more. */
async function bothReadings(query: SocketQuery) {
  const isAsked = ({local, remote}: SocketEntry) =>
    query.ports.includes(local.port) || query.ports.includes(remote.port)
  for (;;) {
    const proc = (await readProcNetTcp()).filter(isAsked)
    // The acknowledgement of a FIN can be delayed by 40 ms.
    if (!proc.some(({state}) => state === 'FIN_WAIT1')) return {proc, diag: readSockDiag(query)}
  }
}

/** All but the time left, which passes between two readings. */
function told(entries: SocketEntry[]): string[] {
  return entries
    .map(({expiresInSeconds, ...entry}) =>
      JSON.stringify({...entry, hasTimer: expiresInSeconds !== null}),
    )
    .sort()
}

onLinux(
  'netlink and /proc tell the same sockets, in every state that a test can hold',
  async (t) => {
    const begun = monotonicSeconds()
    const ports: number[] = []
    const open: {destroy(): void}[] = []
    t.teardown(() => {
      for (const socket of open) socket.destroy()
    })
    for (const [listen, host] of [
      ['127.0.0.1', '127.0.0.1'],
      ['0.0.0.0', '127.0.0.2'],
      ['::1', '::1'],
      ['::', '127.0.0.1'],
    ]) {
      const server = createServer({allowHalfOpen: true}).listen(0, listen)
      await once(server, 'listening')
      t.teardown(() => server.close())
      const {port} = server.address() as AddressInfo
      ports.push(port)
      const pair = async (): Promise<[Socket, Socket]> => {
        const accepted = once(server, 'connection')
        const client = connect({host: host ?? '', port, allowHalfOpen: true})
        const [socket] = (await accepted) as [Socket]
        open.push(client, socket)
        return [socket.resume(), client.resume()]
      }
      await pair()
      const [halfClosed, holdsOn] = await pair()
      halfClosed.end()
      await once(holdsOn, 'end')
      const [closed, follows] = await pair()
      const bothClosed = Promise.all([once(closed, 'close'), once(follows, 'close')])
      closed.end()
      await once(follows, 'end')
      follows.end()
      await bothClosed
    }
    const {proc, diag} = await bothReadings({ports})
    t.deepEqual(told(diag), told(proc))
    const seen = new Set(diag.map(({state}) => state))
    for (const state of [
      'LISTEN',
      'ESTABLISHED',
      'FIN_WAIT2',
      'CLOSE_WAIT',
      'TIME_WAIT',
    ] as const) {
      t.true(seen.has(state), state)
    }
    t.true(diag.some(({local}) => local.address === '::ffff:127.0.0.1'))
    const passed = monotonicSeconds() - begun
    for (const {state, expiresInSeconds: left} of diag) {
      if (state !== 'TIME_WAIT') continue
      t.true(left !== null && left >= 59.9 - passed && left <= 60.1, `${left} s left`)
    }
  },
)

onLinux(
  'netlink leaves out what has none of the ports, and lists all listeners if asked',
  async (t) => {
    const servers = Array.from({length: 12}, () => createServer().listen(0, '127.0.0.1'))
    await Promise.all(servers.map((server) => once(server, 'listening')))
    t.teardown(() => {
      for (const server of servers) server.close()
    })
    const ports = servers.map((server) => (server.address() as AddressInfo).port)
    const [asked, others] = [ports.slice(0, 6), ports.slice(6)]
    const localPorts = (entries: SocketEntry[]) => entries.map(({local}) => local.port)
    t.deepEqual(
      localPorts(readSockDiag({ports: asked})).sort((a, b) => a - b),
      [...asked].sort((a, b) => a - b),
    )
    t.deepEqual(readSockDiag({ports: []}), [])
    const withListeners = new Set(localPorts(readSockDiag({ports: asked, listeners: true})))
    for (const port of others) t.true(withListeners.has(port))
    const all = new Set(localPorts(readSockDiag()))
    for (const port of ports) t.true(all.has(port))
  },
)

test('ports become few ranges, joined over the smallest gaps', (t) => {
  t.deepEqual(portRanges([]), [])
  t.deepEqual(portRanges([7, 5, 6, 5]), [[5, 7]])
  const scattered = Array.from({length: 30}, (_, index) => 1000 * (index + 1))
  const ranges = portRanges([...scattered, 1001])
  t.true(ranges.length <= 8)
  for (const port of scattered) t.true(ranges.some(([from, to]) => from <= port && port <= to))
  t.deepEqual(portRanges([1, 3]), [
    [1, 1],
    [3, 3],
  ])
})

testUnless(
  withoutNetlinkProblem ?? nativeOpenerProblem(),
  'where the kernel answers no netlink, /proc is read: the residue is seen all the same',
  async (t) => {
    const out = temporaryFolder(t)
    const args = ['run', '--quick', '--json', 'server-closes-first', '--out', out]
    const {status, stdout, stderr} = await runCli(t, args, {launcher: withoutNetlink(t)})
    t.is(status, 0, stderr)
    const [result] = JSON.parse(stdout).results
    t.deepEqual(result.residue, [{endpoint: 'server', state: 'TIME_WAIT', count: 1}])
  },
)

onLinux(
  'of many TIME_WAITs the first are listed, and the rest counted with the last one to go',
  async (t) => {
    const server = createServer((socket) => socket.end().resume()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const {port} = server.address() as AddressInfo
    const connections = 30
    for (let count = 0; count < connections; count++) {
      const client = connect({host: '127.0.0.1', port}).resume()
      await once(client, 'close')
    }
    const isTimeWait = ({state, local}: SocketEntry) => state === 'TIME_WAIT' && local.port === port
    let all = readSockDiag({ports: [port]}).filter(isTimeWait)
    // The kernel may still be at the last one's end.
    while (all.length < connections) {
      await setImmediate()
      all = readSockDiag({ports: [port]}).filter(isTimeWait)
    }
    const few = readSockDiag({ports: [port], mostTimeWaits: 5}).filter(isTimeWait)
    t.is(few.length, 6)
    t.is(numberOf(few.map((entry) => ({entry}))), connections)
    const [last] = few.filter(({more}) => more !== undefined)
    const left = (last?.expiresInSeconds ?? 0) - (last?.more?.firstExpiresInSeconds ?? 0)
    t.true(left >= 0 && left < 60)
    t.is(readSockDiag({ports: [port], mostTimeWaits: connections}).filter(isTimeWait).length, 30)
  },
)
