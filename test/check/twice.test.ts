import {dirname} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import type {CheckOptions} from '../../harness/check/options.ts'
import {checkSecondInstance} from '../../harness/check/twice.ts'
import {type CheckDocument, checkSchema} from '../../harness/documents/check-schema.ts'
import {reusePortProblem} from '../../harness/restart/blank.ts'
import {checkView} from '../../harness/views/check.ts'
import {needs} from '../needs.ts'
import {freePort, httpServer, missingServer, plainPython, platform, program} from './servers.ts'

async function twice(
  t: ExecutionContext,
  command: readonly string[],
  options: Partial<CheckOptions> = {},
): Promise<CheckDocument> {
  const port = await freePort(t)
  return checkSchema.parse(await checkSecondInstance({...options, command, port}))
}

const verdicts = ({twice: starts = []}: CheckDocument) =>
  starts.map(({address, verdict}) => [address, verdict])

const seen = needs(
  platform.readHolders === null ? 'processes cannot be seen here' : undefined,
  test.serial,
)

seen('a second Node server is refused, and its status and message are passed on', async (t) => {
  const document = await twice(t, ['node', program(t, 'server.mjs', httpServer)])
  t.deepEqual(verdicts(document), [[null, 'refuses']])
  t.true(document.safe, JSON.stringify(document))
  const [second] = document.twice ?? []
  t.is(second?.status, 1)
  t.regex(second?.lines.join('\n') ?? '', /EADDRINUSE/)
  t.is(second?.answeredBy, null)
  t.regex(document.advice.join('\n'), /Nothing to do/)
})

seen('a server that ends quietly is refused, but told to use another status', async (t) => {
  const quiet = httpServer.replace('.listen(', ".on('error', () => process.exit(0)).listen(")
  const document = await twice(t, ['node', program(t, 'server.mjs', quiet)])
  t.deepEqual(verdicts(document), [[null, 'refuses']])
  t.regex(document.advice.join('\n'), /status 0/)
  t.regex(document.advice.join('\n'), /without a word/)
  t.is(
    checkView(document).verdict?.text,
    'SAFE: a second instance ends with status 0, but does not say why',
  )
})

seen(
  'a second instance that has another port, too, is given as long for its own as the first one took',
  async (t) => {
    const slow = `
    import {createServer} from 'node:http'
    setTimeout(() => createServer().listen(0, '127.0.0.1'), 3000)
    setTimeout(() => createServer().listen(process.env.PORT, '127.0.0.1'), 6000)
  `
    const command = ['node', program(t, 'server.mjs', slow)]
    const document = await twice(t, command, {startTimeoutSeconds: 12})
    t.deepEqual(verdicts(document), [[null, 'refuses']])
  },
)

needs(
  missingServer('python3') ?? (platform.stack === 'linux' ? undefined : 'not on Linux'),
  test.serial,
)('two that accept nobody do not take a second for each client', async (t) => {
  const [opening = ''] = plainPython.split('while True')
  const deaf = `${opening.replace(
    'server.bind',
    'server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\nserver.bind',
  )}\nimport time\ntime.sleep(600)`
  const document = await twice(t, ['python3', program(t, 'server.py', deaf)])
  t.deepEqual(verdicts(document), [[null, 'shares']])
  const {first = 0, second = 0, nobody = 0} = document.twice?.[0]?.answeredBy ?? {}
  t.deepEqual([first, second], [0, 0])
  t.true(nobody > 0 && nobody < 100)
})

seen('a server that takes the next port moves', async (t) => {
  const moving = `
    import {createServer} from 'node:http'
    const server = createServer((request, response) => response.end('hello'))
    let port = Number(process.env.PORT)
    server.on('error', () => server.listen(++port, '127.0.0.1')).listen(port, '127.0.0.1')
  `
  const document = await twice(t, ['node', program(t, 'server.mjs', moving)])
  t.deepEqual(verdicts(document), [[null, 'moves']])
  t.false(document.safe)
  t.true((document.twice?.[0]?.ports[0] ?? 0) > (document.port ?? 0))
  t.regex(document.advice.join('\n'), /strictPort/)
})

/** Leaves its pid to a second one, which ends it, and itself; `stop` is what the first then does. */
const ending = (stop: string) => `
  import {readFileSync, writeFileSync} from 'node:fs'
  import {createServer} from 'node:http'
  const server = createServer((request, response) => response.end('hello'))
  server.listen(process.env.PORT, '127.0.0.1', () => writeFileSync('pid', String(process.pid)))
  server.on('error', () => process.kill(Number(readFileSync('pid', 'utf8'))))
  process.on('SIGTERM', () => ${stop})
`

for (const [title, stop] of [
  [
    'a second instance that ends the first, which takes a moment, hijacks',
    'setTimeout(() => process.exit(), 200)',
  ],
  [
    'so does one that has the first listen no longer',
    'server.close(() => setInterval(() => undefined, 1000))',
  ],
] as const) {
  seen(title, async (t) => {
    const file = program(t, 'server.mjs', ending(stop))
    const document = await twice(t, ['node', file], {cwd: dirname(file)})
    t.deepEqual(verdicts(document), [[null, 'hijacks']])
    t.false(document.safe)
  })
}

seen('a server that runs on without its port hangs', async (t) => {
  const hanging = httpServer.replace(
    '.listen(',
    ".on('error', () => setInterval(() => undefined, 1000)).listen(",
  )
  const document = await twice(t, ['node', program(t, 'server.mjs', hanging)], {
    startTimeoutSeconds: 15,
  })
  t.deepEqual(verdicts(document), [[null, 'hangs']])
  t.false(document.safe)
})

needs(
  missingServer('python3') ?? (platform.stack === 'linux' ? undefined : 'not on Linux'),
  test.serial,
)('two servers with SO_REUSEPORT share the clients', async (t) => {
  const sharing = plainPython.replace(
    'server.bind',
    'server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\nserver.bind',
  )
  const document = await twice(t, ['python3', program(t, 'server.py', sharing)])
  t.deepEqual(verdicts(document), [[null, 'shares']])
  const {first = 0, second = 0, nobody = 0} = document.twice?.[0]?.answeredBy ?? {}
  const all = first + second + nobody
  t.true(all > 0 && all <= 100, `${all}`)
  t.true(first > 0 && second > 0)
  t.regex(document.advice.join('\n'), /SO_REUSEPORT/)
})

needs(
  missingServer('python3') ?? (platform.stack === 'linux' ? undefined : 'not on Linux'),
  test.serial,
)('two that close each connection at once share, though nobody sees who had it', async (t) => {
  const closing = `
import os, socket
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind(('127.0.0.1', int(os.environ['PORT'])))
server.listen()
while True:
    server.accept()[0].close()
`
  const document = await twice(t, ['python3', program(t, 'server.py', closing)])
  t.deepEqual(verdicts(document), [[null, 'shares']])
})

seen('what was seen of one address before an interruption is kept', async (t) => {
  const interruption = new AbortController()
  const anywhere = httpServer.replace("'127.0.0.1'", 'process.argv[2]')
  const announced = `console.log('started')\n${anywhere}`
  const command = ['node', program(t, 'server.mjs', announced), '{host}']
  let started = 0
  const onOutput = ({text}: {text: string}) => {
    started += text.split('started').length - 1
    // The first one, and those beside it.
    if (started === 3) interruption.abort('SIGINT')
  }
  const given = {command, port: await freePort(t)}
  const document = await checkSecondInstance(given, {onOutput}, interruption.signal)
  t.is(document.problem?.kind, 'interrupted')
  t.deepEqual(verdicts(document)[0], ['127.0.0.1', 'refuses'])
})

seen(
  'a command with {host} is tried on other addresses, where a specific one takes all clients',
  async (t) => {
    const anywhere = httpServer.replace("'127.0.0.1'", 'process.argv[2]')
    const command = ['node', program(t, 'server.mjs', anywhere), '{host}']
    const document = await twice(t, command)
    t.deepEqual(
      verdicts(document).map(([address]) => address),
      ['127.0.0.1', '0.0.0.0', '::'],
    )
    t.is(document.twice?.[0]?.verdict, 'refuses')
  },
)

needs(reusePortProblem(), test.serial)('two Node servers with reusePort share', async (t) => {
  const sharing = httpServer.replace(
    ".listen(process.env.PORT, '127.0.0.1')",
    ".listen({port: process.env.PORT, host: '127.0.0.1', reusePort: true})",
  )
  const document = await twice(t, ['node', program(t, 'server.mjs', sharing)])
  t.deepEqual(verdicts(document), [[null, 'shares']])
})

needs(missingServer('python3'), test.serial)('python3 -m http.server refuses', async (t) => {
  const document = await twice(t, ['python3', '-m', 'http.server', '--bind', '127.0.0.1', '{port}'])
  t.deepEqual(verdicts(document), [[null, 'refuses']])
  t.true(document.safe, JSON.stringify(document))
  t.regex(document.twice?.[0]?.lines.join('\n') ?? '', /Address already in use/)
})
