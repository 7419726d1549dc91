import test, {type ExecutionContext} from 'ava'
import {checkActivation} from '../../harness/check/activate.ts'
import type {ReloadOptions} from '../../harness/check/reload-options.ts'
import {type CheckDocument, checkSchema} from '../../harness/documents/check-schema.ts'
import {UsageError} from '../../harness/errors.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {cpuGroupProblem, makeCpuGroup, spending} from '../cpu-group.ts'
import {needs} from '../needs.ts'
import {freePort, httpServer, platform, program} from './servers.ts'

async function activate(
  t: ExecutionContext,
  source: string,
  options: Partial<ReloadOptions> = {},
): Promise<CheckDocument> {
  const port = await freePort(t)
  const command = ['node', program(t, 'server.mjs', source)]
  return checkSchema.parse(await checkActivation({http: '/', ...options, command, port}))
}

const unseen = platform.readHolders === null ? 'processes cannot be seen here' : undefined
const group = `rebind-activate-${process.pid}`
const groupProblem = await cpuGroupProblem(group)
const activating = needs(unseen ?? nativeOpenerProblem(), test.serial)

/** It takes the socket only if that is meant for it, and answers whom it has accepted before it ends. */
const taking = `
  import {createServer} from 'node:http'
  const server = createServer((request, response) => response.end('hello'))
  server.listen(process.env.LISTEN_PID === String(process.pid) ? {fd: 3} : {port: 1})
  process.on('SIGTERM', () => server.close())
`

activating(
  'a server that takes its socket is restarted without a loss: who comes meanwhile waits',
  async (t) => {
    const document = await activate(t, taking)
    t.is(document.problem, undefined)
    const {activation} = document
    t.true(activation?.took)
    t.true((activation?.queued ?? 0) > 0)
    t.is(activation?.answered, activation?.queued)
    t.true((activation?.slowestSeconds ?? 0) > 0)
    t.true(document.lossless)
    t.true(document.safe, JSON.stringify(document))
    t.is(document.trigger?.generations.length, 2)
  },
)

activating(
  'a server that greets its clients and closes at once has taken its socket',
  async (t) => {
    const greeting = `
    import {createServer} from 'node:net'
    createServer((socket) => socket.end('hello', () => socket.destroy())).listen({fd: 3})
  `
    const command = ['node', program(t, 'server.mjs', greeting)]
    const document = checkSchema.parse(await checkActivation({command, port: await freePort(t)}))
    t.true(document.activation?.took, document.activation?.because)
  },
)

activating('a server that binds its port itself is told to take the socket', async (t) => {
  const document = await activate(t, httpServer)
  t.is(document.problem, undefined)
  t.false(document.activation?.took)
  t.false(document.safe)
  t.regex(document.activation?.because ?? '', /binds the port itself.*EADDRINUSE/)
  t.regex(document.advice.join('\n'), /file descriptor 3/)
})

activating('a server that ends, or accepts nobody, has not taken it', async (t) => {
  const ends = await activate(t, "console.error('error: no licence'); process.exit(4)")
  t.regex(ends.activation?.because ?? '', /exited with status 4.*no licence/)
  const waits = await activate(t, 'setInterval(() => undefined, 1000)', {startTimeoutSeconds: 1})
  t.regex(waits.activation?.because ?? '', /accepted no client within 1 s/)
})

activating(
  "a program that is not there is the user's to mend, not a server that ends",
  async (t) => {
    const given = {command: ['no-such-program'], port: await freePort(t), http: '/'}
    await t.throwsAsync(checkActivation(given), {
      ...{instanceOf: UsageError, message: /no program "no-such-program"/},
    })
  },
)

needs(unseen ?? nativeOpenerProblem() ?? groupProblem, test.serial)(
  'a server that accepts late because it had no processor has taken its socket',
  async (t) => {
    const slow = makeCpuGroup(group, 5)
    t.teardown(() => slow.remove())
    // A tenth of a second of a processor takes it two.
    const source = `
      import {existsSync, writeFileSync} from 'node:fs'
      const marker = new URL('marker', import.meta.url)
      if (!existsSync(marker)) {
        writeFileSync(marker, '')
        writeFileSync('${slow.processes}', String(process.pid))
        ${spending(100)}
      }
      ${taking}
    `
    const {activation} = await activate(t, source, {startTimeoutSeconds: 1})
    t.true(activation?.took, activation?.because)
  },
)
