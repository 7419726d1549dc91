import {refusedIn} from '../../harness/why/port-in-message.ts'
import {test} from '../declare.ts'

const messages: [of: string, text: string, refused: object][] = [
  [
    'Node',
    'Error: listen EADDRINUSE: address already in use 127.0.0.1:8080',
    {port: 8080, address: '127.0.0.1'},
  ],
  [
    'Node on all addresses',
    'Error: listen EADDRINUSE: address already in use :::3000',
    {port: 3000, address: 'dual'},
  ],
  [
    'Node without the right',
    'Error: listen EACCES: permission denied 0.0.0.0:80',
    {port: 80, address: '0.0.0.0'},
  ],
  ["Node's cluster", 'Error: bind EADDRINUSE null:3000', {port: 3000}],
  [
    'Node on a path',
    'Error: listen EADDRINUSE: address already in use /tmp/app.sock',
    {path: '/tmp/app.sock'},
  ],
  [
    'Python asyncio',
    "OSError: [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address already in use",
    {port: 8000, address: '127.0.0.1'},
  ],
  ['gunicorn', "[ERROR] Connection in use: ('0.0.0.0', 8000)", {port: 8000, address: '0.0.0.0'}],
  ['Flask', 'Port 5000 is in use by another program.', {port: 5000}],
  [
    'Go',
    'panic: listen tcp 127.0.0.1:8080: bind: address already in use',
    {port: 8080, address: '127.0.0.1'},
  ],
  ['Go on all addresses', 'listen tcp :8080: bind: address already in use', {port: 8080}],
  ['Go on a path', 'listen unix /run/a.sock: bind: address already in use', {path: '/run/a.sock'}],
  ['Spring', 'Web server failed to start. Port 8080 was already in use.', {port: 8080}],
  [
    'Jetty',
    'java.io.IOException: Failed to bind to 0.0.0.0/0.0.0.0:8080',
    {port: 8080, address: '0.0.0.0'},
  ],
  [
    'Rust, with words of the program',
    'Error: cannot listen on 127.0.0.1:7878: Address already in use (os error 98)',
    {port: 7878, address: '127.0.0.1'},
  ],
  [
    'Ruby',
    'Address already in use - bind(2) for "127.0.0.1" port 3000 (Errno::EADDRINUSE)',
    {port: 3000, address: '127.0.0.1'},
  ],
  ['PHP', 'Failed to listen on localhost:8000 (reason: Address already in use)', {port: 8000}],
  [
    '.NET',
    'IOException: Failed to bind to address http://127.0.0.1:5000: address already in use.',
    {port: 5000, address: '127.0.0.1'},
  ],
  [
    'nginx',
    'nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)',
    {port: 80, address: '0.0.0.0'},
  ],
  [
    'Apache',
    '(98)Address already in use: AH00072: make_sock: could not bind to address [::]:80',
    {port: 80, address: 'dual'},
  ],
  [
    'Docker',
    'Error response: driver failed: Bind for 0.0.0.0:8080 failed: port is already allocated.',
    {port: 8080, address: '0.0.0.0'},
  ],
  [
    'Docker, as of version 28',
    'failed to bind host port 0.0.0.0:8080/tcp: address already in use',
    {port: 8080, address: '0.0.0.0'},
  ],
  [
    'Docker Desktop',
    'ports are not available: exposing port TCP 0.0.0.0:8080 -> 127.0.0.1:0: listen tcp 0.0.0.0:8080: bind: address already in use',
    {port: 8080, address: '0.0.0.0'},
  ],
  [
    'PostgreSQL',
    'HINT:  Is another postmaster already running on port 5432? If not, wait a few seconds and retry.',
    {port: 5432},
  ],
  ['MySQL', 'Do you already have another mysqld server running on port: 3306 ?', {port: 3306}],
  [
    'Redis',
    'Could not create server TCP listening socket *:6379: bind: Address already in use',
    {port: 6379},
  ],
  ['ssh', 'bind [127.0.0.1]:8080: Address already in use', {port: 8080, address: '127.0.0.1'}],
  ['Vite', 'Error: Port 5173 is already in use', {port: 5173}],
]

for (const [of, text, expected] of messages) {
  test(`what was refused is found in the message of ${of}`, (t) => {
    const log = `starting\n\u001b[31m${text}\u001b[0m\n    at Server.setupListenHandle (node:net:1817:16)\n`
    t.deepEqual(refusedIn(log).refused, [expected])
  })
}

test('a message without a port says only that one is in use', (t) => {
  for (const text of [
    'java.net.BindException: Address already in use',
    'Error: Address already in use (os error 98) at src/main.rs:10:5',
    'OSError: [Errno 98] Address already in use',
  ]) {
    t.deepEqual(refusedIn(text), {refused: [], saysInUse: true})
  }
})

test('what says that a server is well names nothing', (t) => {
  const log =
    'Server running on port 3000\nlistening on http://127.0.0.1:3000\nGET / 200 10:20:30\n'
  t.deepEqual(refusedIn(log), {refused: [], saysInUse: false})
  t.deepEqual(refusedIn('listen EADDRINUSE: address already in use :::99999').refused, [])
})

test('an address with a zone, which cannot be tried, is left out', (t) => {
  for (const end of ['fe80::1%eth0:3000', '[fe80::1%eth0]:3000']) {
    const text = `Error: listen EADDRINUSE: address already in use ${end}`
    t.deepEqual(refusedIn(text).refused, [{port: 3000}], end)
  }
})

test('several messages name each port once, in their order', (t) => {
  const line = (port: number) => `bind() to 127.0.0.1:${port} failed (98: Address already in use)`
  t.deepEqual(
    refusedIn([line(80), line(81), line(80)].join('\n')).refused.map(
      (each) => Object.values(each)[0],
    ),
    [80, 81],
  )
})
