import {once} from 'node:events'
import {mkdirSync, writeFileSync} from 'node:fs'
import {connect, createServer, type Socket} from 'node:net'
import {join} from 'node:path'
import test from 'ava'
import {monotonicSeconds} from '../../harness/clock.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {parseProcNetTcp, readProcNetTcp} from '../../harness/platforms/proc-net-tcp.ts'
import {unreadable} from '../../harness/platforms/unreadable.ts'
import {isOutOfFiles} from '../../harness/sockets/system-error.ts'
import {freePort} from '../check/servers.ts'
import {temporaryFolder} from '../commands/cli.ts'
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
    t.deepEqual(parseProcNetTcp(`${header}\n${line}\n`, 'LE'), [
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

/** The words that a big-endian machine prints of the same addresses, which are in network byte order. */
const bigEndian = [
  ['7F000001', '127.0.0.1'],
  ['00000000', '0.0.0.0'],
  [`${'0'.repeat(24)}00000001`, '::1'],
  [`20010DB8${'0'.repeat(16)}00000001`, '2001:db8::1'],
  [`${'0'.repeat(16)}0000FFFF7F000001`, '::ffff:127.0.0.1'],
] as const

for (const [hex, address] of bigEndian) {
  test(`the table of a big-endian machine shows ${address}`, (t) => {
    const [entry] = parseProcNetTcp(row(`${hex}:1F90`, `${hex}:C001`, '01'), 'BE')
    t.deepEqual(entry?.local, {address, port: 8080})
    t.deepEqual(entry?.remote, {address, port: 49153})
  })
}

test('a namespace without IPv6 has its IPv4 sockets', async (t) => {
  const net = temporaryFolder(t)
  writeFileSync(join(net, 'tcp'), `${header}\n${row('0100007F:1F90', '00000000:0000', '0A')}\n`)
  const [entry, ...others] = await readProcNetTcp(net)
  t.is(entry?.local.port, 8080)
  t.deepEqual(others, [])
})

test('a table that is not there is told from one for which no file may be opened', async (t) => {
  const net = temporaryFolder(t)
  await t.throwsAsync(readProcNetTcp(net), {
    message: /tcp cannot be read \(ENOENT\); check that \/proc is mounted$/,
  })
  const outOfFiles = Object.assign(new Error('EMFILE: too many open files, open'), {
    ...{code: 'EMFILE', syscall: 'open'},
  })
  const told = unreadable('/proc/net/tcp', outOfFiles)
  t.is(
    told.message,
    '/proc/net/tcp cannot be read (EMFILE: too many open files); raise the limit (ulimit -n)',
  )
  t.true(isOutOfFiles(told))
})

test('an IPv6 table that cannot be read is not taken for one that is not there', async (t) => {
  const net = temporaryFolder(t)
  writeFileSync(join(net, 'tcp'), header)
  // A folder, which opens and cannot be read: EISDIR.
  mkdirSync(join(net, 'tcp6'))
  await t.throwsAsync(readProcNetTcp(net), {message: /tcp6 cannot be read \(EISDIR\)$/})
})

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
