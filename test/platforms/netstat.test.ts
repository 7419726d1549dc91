import {parseNetstat} from '../../harness/platforms/netstat.ts'
import type {TcpState} from '../../harness/platforms/tcp-states.ts'
import {test} from '../declare.ts'

/** The rows that macOS's netstat(1) prints by the formats of its source; the values are invented. */
const withoutL = `Active Internet connections (including servers)
Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)    
tcp4       0      0  127.0.0.1.8080         127.0.0.1.52344        FIN_WAIT_2 
tcp46      0      0  *.8080                 *.*                    LISTEN     
tcp6       0      0  fe80::1c2a:3bff:.8080  fe80::88:91ff:fe.52351 ESTABLISHED
tcp6       0      0  ::1.8080               *.*                    LISTEN     
tcp4       0      0  127.0.0.1.8080         127.0.0.1.52345        TIME_WAIT  
`

test('the documented rows of netstat become sockets', (t) => {
  const sockets = parseNetstat(withoutL).map(({state, local, remote, expiresInSeconds}) => {
    t.is(expiresInSeconds, null)
    return [state, local.address, local.port, remote.address, remote.port]
  })
  t.deepEqual(sockets, [
    ['FIN_WAIT2', '127.0.0.1', 8080, '127.0.0.1', 52344],
    ['LISTEN', '::', 8080, '::', 0],
    ['ESTABLISHED', 'fe80::1c2a:3bff:', 8080, 'fe80::88:91ff:fe', 52351],
    ['LISTEN', '::1', 8080, '::', 0],
    ['TIME_WAIT', '127.0.0.1', 8080, '127.0.0.1', 52345],
  ])
})

/** A row as printf prints it in netstat.tproj/inet.c: protopr, inetprint and inet6print. */
function printed(protocol: string, local: string, remote: string, state: string, l: boolean) {
  const width = l ? 45 : 22
  const end = (text: string) => `${text.slice(0, width).padEnd(width)} `
  return `${protocol.padEnd(5)} ${'0'.padStart(6)} ${'0'.padStart(6)}  ${end(local)}${end(remote)}${state.padEnd(11)}`
}

const longest = 'fdaa:bbbb:cccc:dddd:eeee:ffff:1111:2222'

test('what macOS runs with, -l, is read whole up to the longest address, with its headings', (t) => {
  // The heading's columns are 22 wide although the rows' are 45: so it is in Apple's source.
  const text = [
    'Active Internet connections (including servers)',
    `Proto Recv-Q Send-Q  ${'Local Address'.padEnd(22)} ${'Foreign Address'.padEnd(22)} (state)    `,
    printed('tcp6', `${longest}.49152`, `${longest}.65535`, 'FIN_WAIT_1', true),
    printed('tcp6', 'fe80::1%lo0.1234', 'fe80::1%lo0.51000', 'ESTABLISHED', true),
    printed('tcp46', '*.8080', '*.*', 'LISTEN', true),
    printed('tcp6', '*.8081', '*.*', 'LISTEN', true),
    printed('tcp4', '*.8082', '*.*', 'LISTEN', true),
    printed('tcp4', '127.0.0.1.8083', '*.*', 'CLOSED', true),
    'Some tcp sockets may have been created or deleted',
  ].join('\n')
  t.deepEqual(
    parseNetstat(text).map(({state, local, remote}) => [
      state,
      `${local.address} ${local.port}`,
      `${remote.address} ${remote.port}`,
    ]),
    [
      ['FIN_WAIT1', `${longest} 49152`, `${longest} 65535`],
      ['ESTABLISHED', 'fe80::1%lo0 1234', 'fe80::1%lo0 51000'],
      ['LISTEN', ':: 8080', ':: 0'],
      ['LISTEN', ':: 8081', ':: 0'],
      ['LISTEN', '0.0.0.0 8082', '0.0.0.0 0'],
      ['CLOSED', '127.0.0.1 8083', '0.0.0.0 0'],
    ],
  )
})

test('without -l an address is cut, and its port is not', (t) => {
  const cut = longest.slice(0, 16)
  const row = printed('tcp6', `${cut}.49152`, '255.255.255.255.65535', 'TIME_WAIT', false)
  const [socket] = parseNetstat(row)
  t.deepEqual(socket?.local, {address: cut, port: 49_152})
  t.deepEqual(socket?.remote, {address: '255.255.255.255', port: 65_535})
})

test('with -l a whole IPv6 address with its zone is kept', (t) => {
  const line =
    'tcp6       0      0  fe80::1c2a:3bff:fe4d:5e6f%lo0.8080            fe80::88:91ff:fe00:1%lo0.52351                TIME_WAIT  '
  t.deepEqual(parseNetstat(line), [
    {
      state: 'TIME_WAIT',
      local: {address: 'fe80::1c2a:3bff:fe4d:5e6f%lo0', port: 8080},
      remote: {address: 'fe80::88:91ff:fe00:1%lo0', port: 52351},
      expiresInSeconds: null,
    },
  ])
})

test('the columns that -v adds are passed over', (t) => {
  const line =
    'tcp4       0      0  127.0.0.1.8080         *.*                    LISTEN                 0            0  131072  131072             node:4711   00100 00000006'
  const [socket, ...others] = parseNetstat(line)
  t.deepEqual(others, [])
  t.is(socket?.state, 'LISTEN')
  t.deepEqual(socket?.remote, {address: '0.0.0.0', port: 0})
})

const macStates: Record<string, TcpState> = {
  CLOSED: 'CLOSED',
  LISTEN: 'LISTEN',
  SYN_SENT: 'SYN_SENT',
  SYN_RCVD: 'SYN_RECV',
  ESTABLISHED: 'ESTABLISHED',
  CLOSE_WAIT: 'CLOSE_WAIT',
  FIN_WAIT_1: 'FIN_WAIT1',
  CLOSING: 'CLOSING',
  LAST_ACK: 'LAST_ACK',
  FIN_WAIT_2: 'FIN_WAIT2',
  TIME_WAIT: 'TIME_WAIT',
}

test("each of macOS's state words is translated", (t) => {
  for (const [word, state] of Object.entries(macStates)) {
    t.is(parseNetstat(`tcp4  0  0  127.0.0.1.80  127.0.0.1.50000  ${word}`)[0]?.state, state)
  }
})

test('lines that are not TCP sockets are passed over', (t) => {
  const others = [
    'udp4       0      0  *.5353                 *.*                               ',
    'Some tcp sockets may have been created.',
    // A socket that is being taken apart has no IP version any more (inp_vflag 0).
    printed('tcp', '127.0.0.1.8080', '127.0.0.1.52345', 'CLOSED', true),
    printed('tcp4', '127.0.0.1.8080', '127.0.0.1.52345', '11', true),
    printed('udp46', '*.8080', '*.*', '', true),
    'tcp4       0      0  127.0.0.1.8080         127.0.0.1.52345        constructor',
    'tcp4       0      0  localhost              127.0.0.1.52345        TIME_WAIT',
    'tcp4',
    '',
  ]
  t.deepEqual(parseNetstat(others.join('\n')), [])
})
