import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import {readsAsInUse, refusalIn, refusalOfLine} from '../../harness/explain/messages.ts'
import {projectFolder} from '../commands/cli.ts'
import {test} from '../declare.ts'

/** As the stacks print them: the line, and what it names. */
const lines: [
  stack: string,
  line: string,
  code: string,
  address: string | null,
  port: number | null,
][] = [
  ['Node', 'Error: listen EADDRINUSE: address already in use :::8080', 'EADDRINUSE', '::', 8080],
  ['Node', 'Error: listen EADDRINUSE: address already in use ::1:8080', 'EADDRINUSE', '::1', 8080],
  ['Node', 'Error: listen EACCES: permission denied 0.0.0.0:80', 'EACCES', '0.0.0.0', 80],
  [
    'Node',
    'Error: listen EADDRNOTAVAIL: address not available 192.0.2.1:80',
    'EADDRNOTAVAIL',
    '192.0.2.1',
    80,
  ],
  ['Node', 'Error: bind EADDRINUSE null:8080', 'EADDRINUSE', null, 8080],
  [
    'Node',
    '{"level":50,"msg":"listen EADDRINUSE: address already in use 127.0.0.1:3000"}',
    'EADDRINUSE',
    '127.0.0.1',
    3000,
  ],
  ['Python', 'OSError: [Errno 98] Address already in use', 'EADDRINUSE', null, null],
  [
    'Python',
    "OSError: [Errno 98] error while attempting to bind on address ('127.0.0.1', 8080): address already in use",
    'EADDRINUSE',
    '127.0.0.1',
    8080,
  ],
  [
    'Python',
    "ERROR:    [Errno 13] error while attempting to bind on address ('::1', 80, 0, 0): [errno 13] permission denied",
    'EACCES',
    '::1',
    80,
  ],
  ['Python', "[ERROR] Connection in use: ('127.0.0.1', 8000)", 'EADDRINUSE', '127.0.0.1', 8000],
  [
    'Go',
    'listen tcp 127.0.0.1:8080: bind: address already in use',
    'EADDRINUSE',
    '127.0.0.1',
    8080,
  ],
  [
    'Go',
    '2026/11/27 12:00:00 listen tcp :8080: bind: address already in use',
    'EADDRINUSE',
    null,
    8080,
  ],
  ['Go', 'listen tcp [::1]:80: bind: permission denied', 'EACCES', '::1', 80],
  [
    'Go',
    'listen tcp 192.0.2.1:80: bind: cannot assign requested address',
    'EADDRNOTAVAIL',
    '192.0.2.1',
    80,
  ],
  ['Java', 'java.net.BindException: Address already in use', 'EADDRINUSE', null, null],
  ['Java', 'java.net.BindException: Cannot assign requested address', 'EADDRNOTAVAIL', null, null],
  [
    'Java',
    'java.io.IOException: Failed to bind to 0.0.0.0/0.0.0.0:8080',
    'EADDRINUSE',
    '0.0.0.0',
    8080,
  ],
  ['other', 'Web server failed to start. Port 8080 was already in use.', 'EADDRINUSE', null, 8080],
  [
    'Rust',
    'Error: Os { code: 98, kind: AddrInUse, message: "Address already in use" }',
    'EADDRINUSE',
    null,
    null,
  ],
  ['Rust', 'Address already in use (os error 98)', 'EADDRINUSE', null, null],
  [
    'Ruby',
    `server.rb:1:in 'initialize': Address already in use - bind(2) for "127.0.0.1" port 8080 (Errno::EADDRINUSE)`,
    'EADDRINUSE',
    '127.0.0.1',
    8080,
  ],
  ['Ruby', 'Permission denied - bind(2) for nil port 80 (Errno::EACCES)', 'EACCES', 'nil', 80],
  [
    'Ruby',
    'Address already in use - bind(2) for 127.0.0.1:8080 (Errno::EADDRINUSE)',
    'EADDRINUSE',
    '127.0.0.1',
    8080,
  ],
  [
    'PHP',
    '[Fri Nov 27 12:00:00 2026] Failed to listen on 127.0.0.1:8080 (reason: Address already in use)',
    'EADDRINUSE',
    '127.0.0.1',
    8080,
  ],
  [
    'PHP',
    'PHP Warning:  stream_socket_server(): Unable to connect to tcp://127.0.0.1:8080 (Address already in use) in',
    'EADDRINUSE',
    '127.0.0.1',
    8080,
  ],
  [
    '.NET',
    'System.IO.IOException: Failed to bind to address http://127.0.0.1:5000: address already in use.',
    'EADDRINUSE',
    '127.0.0.1',
    5000,
  ],
  [
    'nginx',
    'nginx: [emerg] bind() to 127.0.0.1:8080 failed (98: Address already in use)',
    'EADDRINUSE',
    '127.0.0.1',
    8080,
  ],
  ['nginx', 'nginx: [emerg] bind() to [::]:80 failed (13: Permission denied)', 'EACCES', '::', 80],
  [
    'Apache',
    '(98)Address already in use: AH00072: make_sock: could not bind to address 0.0.0.0:80',
    'EADDRINUSE',
    '0.0.0.0',
    80,
  ],
  [
    'Docker',
    'Bind for 0.0.0.0:8080 failed: port is already allocated',
    'EADDRINUSE',
    '0.0.0.0',
    8080,
  ],
  [
    'Docker',
    'failed to bind host port 0.0.0.0:8080/tcp: address already in use',
    'EADDRINUSE',
    '0.0.0.0',
    8080,
  ],
  [
    'Docker',
    'failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: address already in use',
    'EADDRINUSE',
    '0.0.0.0',
    8080,
  ],
  [
    'Go',
    'Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use',
    'EADDRINUSE',
    '0.0.0.0',
    8080,
  ],
  [
    'HAProxy',
    '[ALERT] (1) : Binding [haproxy.cfg:7] for frontend f: cannot bind socket (Address already in use) for [127.0.0.1:8080]',
    'EADDRINUSE',
    '127.0.0.1',
    8080,
  ],
  [
    'PostgreSQL',
    'HINT:  Is another postmaster already running on port 5432? If not, wait a few seconds and retry.',
    'EADDRINUSE',
    null,
    5432,
  ],
  [
    'MySQL',
    '[ERROR] Do you already have another mysqld server running on port: 3306 ?',
    'EADDRINUSE',
    null,
    3306,
  ],
  ['other', 'Error: Port 5173 is already in use', 'EADDRINUSE', null, 5173],
  ['other', 'error: Failed to start server. Is port 3000 in use?', 'EADDRINUSE', null, 3000],
  [
    'other',
    'Could not create server TCP listening socket *:6379: bind: Address already in use',
    'EADDRINUSE',
    null,
    6379,
  ],
  ['other', 'bind: Address already in use', 'EADDRINUSE', null, null],
]

for (const [stack, line, code, address, port] of lines) {
  test(`${stack}: ${line}`, (t) => {
    t.deepEqual(refusalIn(line), {stack, code, port, address, path: null})
  })
}

const paths: [stack: string, line: string, path: string][] = [
  [
    'Node',
    'Error: listen EADDRINUSE: address already in use /tmp/with space.sock',
    '/tmp/with space.sock',
  ],
  ['Go', 'listen unix /tmp/a.sock: bind: address already in use', '/tmp/a.sock'],
  ['nginx', 'bind() to unix:/tmp/a.sock failed (98: Address already in use)', '/tmp/a.sock'],
]
for (const [stack, line, path] of paths) {
  test(`${stack}, a Unix socket: ${line}`, (t) => {
    t.like(refusalIn(line), {stack, code: 'EADDRINUSE', path, port: null})
  })
}

test('what is about no port is not taken for one, but reads as if it were', (t) => {
  for (const line of [
    'e-mail address already in use',
    'permission denied: open /etc/shadow',
    'GET / 200',
  ]) {
    t.is(refusalIn(line), undefined, line)
  }
  t.true(readsAsInUse('e-mail address already in use'))
  t.false(readsAsInUse('Error: listen EACCES: permission denied 0.0.0.0:80'))
  for (const [, line, code] of lines) if (code === 'EADDRINUSE') t.true(readsAsInUse(line), line)
})

test('a number that is no port is none', (t) => {
  t.is(refusalIn('Error: listen EADDRINUSE: address already in use :::99999')?.port, null)
  t.is(refusalIn('Port 0 is in use')?.port, null)
})

test('the port of another place stands in where the line names none, and its own otherwise', (t) => {
  const named = refusalIn('java.net.BindException: Address already in use')
  const other = refusalIn('listen tcp 127.0.0.1:80: bind: address already in use')
  if (named === undefined || other === undefined) return t.fail()
  t.is(refusalOfLine(named, null), undefined)
  t.deepEqual(refusalOfLine(named, {port: 8080}), {
    code: 'EADDRINUSE',
    port: 8080,
    address: null,
  })
  t.deepEqual(refusalOfLine(other, {port: 8080}), {
    code: 'EADDRINUSE',
    port: 80,
    address: '127.0.0.1',
  })
})

test('every message of docs/eaddrinuse.md is found', (t) => {
  const page = readFileSync(join(projectFolder, 'docs', 'eaddrinuse.md'), 'utf8')
  const shown = [...page.matchAll(/^ {4}(.*(?:in use|AddrInUse|allocated).*)$/gm)].map(
    ([, line]) => line ?? '',
  )
  t.true(shown.length > 12)
  for (const line of shown) t.truthy(refusalIn(line), line)
})

test('time is bounded, whatever a line has', (t) => {
  const began = process.cpuUsage()
  for (const piece of [
    'bind ',
    'bind :',
    'address already in use ',
    'failed to bind to ',
    'listen EADDRINUSE: a ',
    ':',
    '1',
    ' - bind(2) for "',
    '/',
  ]) {
    refusalIn(`in use ${piece.repeat(100_000)}`)
  }
  const {user, system} = process.cpuUsage(began)
  t.true(user + system < 1_000_000)
})
