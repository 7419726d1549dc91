import {once} from 'node:events'
import {connect, createServer, type Socket} from 'node:net'
import test from 'ava'
import {monotonicSeconds} from '../../harness/clock.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {parseProcNetTcp, readProcNetTcp} from '../../harness/platforms/proc-net-tcp.ts'
import {freePort} from '../check/servers.ts'
import {needs, notLinux} from '../needs.ts'

const onLinux = needs(detectPlatform().stack === 'linux' ? undefined : notLinux)

const header =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
const zero = '0'.repeat(32)
const loopback6 = '00000000000000000000000001000000'
const mapped = '0000000000000000FFFF00000100007F'
const documentation6 = 'B80D0120000000000000000001000000'

function row(local: string, remote: string, state: string, timer = '00:00000000'): string {
  return `   7: ${local} ${remote} ${state} 00000000:00000000 ${timer} 00000000     0        0 432285 1 00000000021a82c8 100 0 0 10 0`
}

const rows = [
  {
    shows: 'a listener',
    line: row('0100007F:90C3', '00000000:0000', '0A'),
    entry: ['LISTEN', '127.0.0.1', 37059, '0.0.0.0', 0, null],
  },
  {
    shows: 'a TIME_WAIT with its remaining time',
    line: row('0100007F:1F90', '0200007F:C001', '06', '03:0000176F'),
    entry: ['TIME_WAIT', '127.0.0.1', 8080, '127.0.0.2', 49153, 59.99],
  },
  {
    shows: 'a retransmission timer as no remaining time',
    line: row('0100007F:1F90', '0100007F:C001', '01', '01:00000014'),
    entry: ['ESTABLISHED', '127.0.0.1', 8080, '127.0.0.1', 49153, null],
  },
  {
    shows: 'an IPv6 wildcard',
    line: row(`${zero}:1F90`, `${zero}:0000`, '0A'),
    entry: ['LISTEN', '::', 8080, '::', 0, null],
  },
  {
    shows: 'an IPv6 FIN_WAIT2 with its remaining time',
    line: row(`${loopback6}:1F90`, `${documentation6}:C001`, '05', '03:000001F4'),
    entry: ['FIN_WAIT2', '::1', 8080, '2001:db8::1', 49153, 5],
  },
  {
    shows: 'an IPv4-mapped address',
    line: row(`${mapped}:1F90`, `${mapped}:C001`, '08'),
    entry: ['CLOSE_WAIT', '::ffff:127.0.0.1', 8080, '::ffff:127.0.0.1', 49153, null],
  },
] as const

for (const {shows, line, entry} of rows) {
  test(`a row of the table shows ${shows}`, (t) => {
    const [state, address, port, remoteAddress, remotePort, expiresInSeconds] = entry
    t.deepEqual(parseProcNetTcp(`${header}\n${line}\n`), [
      {
        state,
        local: {address, port},
        remote: {address: remoteAddress, port: remotePort},
        expiresInSeconds,
        inode: 432285,
        uid: 0,
      },
    ])
  })
}

test('a row of a socket that no process has carries neither inode nor user', (t) => {
  const line = row('0100007F:1F90', '0200007F:C001', '06', '03:0000176F').replace('432285', '0')
  const [entry] = parseProcNetTcp(line)
  t.is(entry?.state, 'TIME_WAIT')
  t.false('inode' in (entry ?? {}))
  t.false('uid' in (entry ?? {}))
})

test('every state number of the kernel has its name', (t) => {
  const numbers = ['01', '02', '03', '04', '05', '06', '07', '08', '09', '0A', '0B']
  const text = numbers.map((number, index) =>
    row(`0100007F:${1000 + index}`, '0100007F:C001', number),
  )
  t.deepEqual(
    parseProcNetTcp(text.join('\n')).map(({state}) => state),
    [
      'ESTABLISHED',
      'SYN_SENT',
      'SYN_RECV',
      'FIN_WAIT1',
      'FIN_WAIT2',
      'TIME_WAIT',
      'CLOSED',
      'CLOSE_WAIT',
      'LAST_ACK',
      'LISTEN',
      'CLOSING',
    ],
  )
})

test('a connection that changes while the table is read counts once, in its later state', (t) => {
  const twice = ['01', '06'].map((state) => row('0100007F:1F90', '0100007F:C001', state))
  t.deepEqual(
    parseProcNetTcp(twice.join('\n')).map(({state}) => state),
    ['TIME_WAIT'],
  )
})

test('lines of another format are passed over', (t) => {
  const garbage = [
    '',
    header,
    'no table at all',
    row('0100007F:1F90', '00000000:0000', 'FF'),
    row('7F:1F90', '00000000:0000', '0A'),
    row('0100007F:1F90', '00000000', '0A'),
    row('0100007F:1F90', '00000000:0000', '0A').slice(0, 30),
  ]
  t.deepEqual(parseProcNetTcp(garbage.join('\n')), [])
})

onLinux(
  "a real listener and a real TIME_WAIT appear in Linux's table, with the time left",
  async (t) => {
    const port = await freePort(t)
    const server = createServer({allowHalfOpen: true}).listen(port, '127.0.0.1')
    await once(server, 'listening')
    const ofPort = async () => (await readProcNetTcp()).filter(({local}) => local.port === port)
    const [listener, ...besides] = await ofPort()
    t.deepEqual(besides, [])
    t.like(listener, {
      state: 'LISTEN',
      local: {address: '127.0.0.1', port},
      remote: {address: '0.0.0.0', port: 0},
      expiresInSeconds: null,
      uid: process.geteuid?.() ?? 0,
    })
    t.true((listener?.inode ?? 0) > 0)

    const accepted = once(server, 'connection')
    const client = connect({host: '127.0.0.1', port, allowHalfOpen: true})
    await once(client, 'connect')
    const clientPort = client.localPort
    const [socket] = (await accepted) as [Socket]
    const bothClosed = Promise.all([once(socket, 'close'), once(client, 'close')])
    const closing = monotonicSeconds()
    socket.resume().end()
    await once(client.resume(), 'end')
    client.end()
    await bothClosed
    server.close()
    await once(server, 'close')

    const [timeWait, ...others] = await ofPort()
    t.deepEqual(others, [])
    t.is(timeWait?.state, 'TIME_WAIT')
    t.is(timeWait?.remote.port, clientPort)
    const left = timeWait?.expiresInSeconds ?? 0
    const passed = monotonicSeconds() - closing
    // The table rounds to 0.01 s.
    t.true(left >= 59.9 - passed && left <= 60.1, `${left} s left after at most ${passed} s`)
  },
)

onLinux("IPv6 listeners appear in Linux's table", async (t) => {
  const port = await freePort(t)
  const server = createServer().listen({port, host: '::1'})
  await once(server, 'listening')
  t.teardown(() => server.close())
  const seen = (await readProcNetTcp()).filter(({local}) => local.port === port)
  t.deepEqual(
    seen.map(({state, local}) => [state, local.address]),
    [['LISTEN', '::1']],
  )
})
