import {spawnSync} from 'node:child_process'
import {existsSync, lstatSync, readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {openServerHost, type ServerHost} from '../../harness/check/server.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {readProcNetTcp} from '../../harness/platforms/proc-net-tcp.ts'
import {findHolders} from '../../harness/platforms/proc-processes.ts'
import {type CompiledProgram, compileActor} from '../../harness/processes/compile.ts'
import {livingBelow} from '../../harness/processes/process-table.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {openPortPool} from '../../harness/sockets/ports.ts'
import {type SurveyServer, surveyServers} from '../../harness/survey/servers.ts'
import {type Staged, stage} from '../../harness/survey/stage.ts'
import {surveyWatchers} from '../../harness/survey/watchers.ts'
import {testUnless} from '../commands/cli.ts'
import {attackerOf, canary, canaryName, connectTo} from './attackers.ts'
import {serverProblem, serverUser} from './available.ts'
import './registry.ts'

const user = serverUser
const isRoot = process.getuid?.() === 0
/** Neither root nor who runs the servers. */
const otherUser = 54_321
const isLinux = detectPlatform().stack === 'linux'

let program: CompiledProgram
let host: ServerHost
let ports: ReturnType<typeof openPortPool>
const folders: string[] = []

test.before(async () => {
  const platform = detectPlatform()
  ports = openPortPool({
    ephemeralPorts: platform.ephemeralPorts(await platform.readSettings()),
    native: nativeOpenerProblem() === undefined,
  })
  program = await compileActor()
  host = await openServerHost(program, () => undefined)
})

test.after.always(async (t) => {
  await host.close()
  ports.close()
  await program.dispose()
  t.deepEqual(folders.filter(existsSync), [], 'the guardian removes what is another user’s, too')
})

/** Its compiler fills an empty cache first. What it makes differs from the other servers of its kind in nothing. */
const slow: Readonly<Record<string, string>> = {go: 'go build takes half a minute'}

function slowProblem({id, npm}: SurveyServer): string | undefined {
  if (process.env.REBIND_ATTACK_ALL !== undefined) return undefined
  const what = npm === undefined ? slow[id] : 'installs packages of the npm registry'
  return what === undefined ? undefined : `${what}; REBIND_ATTACK_ALL=1`
}

/** One that never restarts is among the servers already. */
const tables = [...surveyServers, ...surveyWatchers.filter(({needless}) => needless === undefined)]

for (const server of tables) {
  testUnless(
    serverProblem(server) ?? slowProblem(server),
    `another local user can neither read, write nor run anything through ${server.title}`,
    async (t) => {
      const staged = await stage(
        server,
        await ports.take(),
        user,
        host,
        new AbortController().signal,
      )
      const {place, command, env} = staged
      folders.push(place.folder)
      writeFileSync(join(place.folder, canaryName), canary)
      const [file = '', ...args] = command
      const {PATH = '', HOME = ''} = process.env
      const start = await host.start({
        command: file,
        args,
        env: {PATH, HOME, PORT: String(place.port), ...env},
        cwd: place.folder,
      })
      const isRunning = () => start.ending() === undefined
      const attack = attackerOf(server)
      if (attack === undefined) throw new Error(`nobody attacks ${server.id}`)
      let first = true
      await attack({
        server,
        place,
        connect: async () => {
          const socket = await connectTo(place.port, isRunning).catch(() => {
            throw new Error(`${start.lines.errorLines().join('\n')}`)
          })
          t.teardown(() => void socket.destroy())
          if (first) await assertConfined(t, staged, start.pid)
          first = false
          return socket
        },
      })
      await host.signal(start, 'SIGKILL')
      await start.ended
    },
  )
}

/** While it runs: whose it is, where it listens, and what others can see of it. */
async function assertConfined(t: ExecutionContext, {place, command}: Staged, pid: number) {
  const {folder, port, secret} = place
  t.is(lstatSync(folder).mode & 0o777, 0o700)
  t.is(lstatSync(folder).uid, user?.uid ?? process.getuid?.() ?? -1)
  t.false(command.join(' ').includes(secret))
  if (!isLinux) return
  const pids = [pid, ...livingBelow(pid)]
  const listeners = (await readProcNetTcp()).filter(({state}) => state === 'LISTEN')
  const {byInode} = findHolders(new Set(listeners.flatMap(({inode}) => inode ?? [])))
  const ours = listeners.filter(({inode}) =>
    byInode.get(inode ?? 0)?.some((holder) => pids.includes(holder.pid)),
  )
  // Some close their listener as soon as somebody is connected.
  for (const {local} of ours) {
    t.regex(local.address, /^(::ffff:)?127\.0\.0\.1$/)
    t.is(local.port, port)
  }
  for (const one of pids) {
    const status = statusOf(one)
    if (status === undefined) continue
    t.notRegex(status, /^Uid:.*\b0\b/m, 'no server runs as root')
    if (user !== null) t.regex(status, /^NoNewPrivs:\s+1$/m)
    t.false(readFileSync(`/proc/${one}/cmdline`, 'latin1').includes(secret))
  }
  if (!isRoot) return
  const files = readdirSync(folder).map((name) => join(folder, name))
  for (const path of [...files, `/proc/${pid}/environ`]) {
    const {stdout, error} = spawnSync('cat', [path], {uid: otherUser, gid: otherUser, cwd: '/'})
    t.is(error, undefined)
    t.is(stdout.length, 0, `another user reads ${path}`)
  }
}

/** Undefined if it has just ended. */
function statusOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return undefined
  }
}

test('every server of the table states its defence, and somebody attacks it', (t) => {
  for (const server of tables) {
    t.truthy(server.defence?.kind, `${server.id} states no defence`)
    t.is(typeof attackerOf(server), 'function', `nobody attacks ${server.id}`)
  }
})

test('no command of the table contains the secret, which other users could read there', (t) => {
  const place = {port: 1, folder: '/folder', secret: 'SECRET'}
  for (const {id, command, prepare} of tables) {
    const words = [command(place), ...(prepare?.(place) ?? [])].flat()
    t.false(words.join(' ').includes('SECRET'), id)
  }
})
