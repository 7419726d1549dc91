import {chmodSync} from 'node:fs'
import {createServer, type Server, type Socket} from 'node:net'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {isatty} from 'node:tty'
import {activated} from '../check/activated-command.ts'
import {assertFolderThere} from '../check/options.ts'
import {openServerHost, type ServerHost, type ServerStart} from '../check/server.ts'
import {assertProgramThere} from '../check/start-failure.ts'
import {monotonicSeconds} from '../clock.ts'
import {UsageError} from '../errors.ts'
import {compileActor} from '../processes/compile.ts'
import {signalProcess} from '../processes/process-table.ts'
import type {Address} from '../sockets/address.ts'
import {closeNative} from '../sockets/native.ts'
import {listenNative} from '../sockets/opener.ts'
import {sendFd} from '../sockets/pass-fd.ts'
import {isSystemError} from '../sockets/system-error.ts'
import {isInFront} from '../wrap/pseudo-terminal.ts'
import {type ChangeListeners, watchForChanges} from './changes.ts'
import {compilePreload} from './compile-preload.ts'
import {type Held, heldVariable} from './held.ts'

export interface HoldOptions {
  command: readonly string[]
  port: number
  address: Address
  /** Folders whose changes restart the command. */
  watch: readonly string[]
  stopTimeoutSeconds: number
  cwd: string
  /** Told what happens, a line each. */
  tell(line: string): void
}

/** One that ends sooner is not started again at once: it would end again. */
const livesSeconds = 1
const lookEveryMilliseconds = 20

/** What a running hold can be told. */
export interface Hold {
  restart(why: string): void
  /** Resolved when it has ended, with all processes of the command. */
  ended: Promise<void>
  end(): void
}

/**
 * Keeps a listening socket, and a command that serves it: the command is restarted on a change, when asked, or when it
 * ends, and clients that come meanwhile wait in the socket's queue.
 * @throws UsageError for a port that is not available, a folder that is not there or cannot be watched, a command that
 * cannot be started
 */
export async function hold(options: HoldOptions): Promise<Hold> {
  const {address, port, watch, tell} = options
  assertFolderThere(options.cwd)
  const fd = listenOn(address, port)
  const program = await compileActor()
  const host = await openServerHost(program, () => undefined, undefined, {
    inherits: fd,
    passesStreams: true,
  })
  const closers: (() => unknown)[] = [
    () => closeNative(fd),
    () => program.dispose(),
    () => host.close(),
  ]
  const close = async () => {
    for (const each of closers.splice(0).reverse()) await each()
  }
  try {
    const folder = await host.makeFolder('rebind-hold-')
    const passing = await passOn(join(folder, 'socket'), fd)
    closers.push(() => passing.close())
    const preload = await compilePreload()
    const held: Held = {path: join(folder, 'socket'), port, address}
    const environment = environmentOf(held, preload)
    assertProgramThere({command: options.command[0] ?? '', env: environment, cwd: options.cwd})
    const loop = supervise({...options, host, environment})
    await loop.started
    const listeners = {
      onChange: (file: string) => loop.restart(`${file} has changed`),
      onProblem: tellOnce(tell),
    }
    closers.push(watching(watch, listeners))
    tell(`holds ${address}:${port}`)
    return {restart: loop.restart, end: loop.end, ended: loop.ended.finally(close)}
  } catch (error) {
    await close()
    throw error
  }
}

function listenOn(address: Address, port: number): number {
  try {
    return listenNative({address, port, bind: 'reuseaddr'})
  } catch (error) {
    if (!isSystemError(error)) throw error
    throw new UsageError(
      `${address}:${port} is not available (${error.code}); rebind why ${port} shows what is in the way`,
    )
  }
}

/** Hands the listening socket to whoever connects to a Unix socket, which only our user can. */
async function passOn(path: string, fd: number): Promise<Server> {
  const server = createServer((socket: Socket & {_handle?: {fd?: number} | null}) => {
    socket.on('error', () => undefined)
    const own = socket._handle?.fd
    try {
      if (own !== undefined && own >= 0) sendFd(own, fd)
    } catch {
      // Whoever asked is gone.
    }
    socket.end()
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
  chmodSync(path, 0o600)
  return server
}

function environmentOf(held: Held, preload: string): Record<string, string> {
  const {NODE_OPTIONS = '', ...others} = process.env
  const required = `--require=${JSON.stringify(preload)}`
  const defined = Object.entries(others).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  )
  return {
    ...Object.fromEntries(defined),
    PORT: String(held.port),
    [heldVariable]: JSON.stringify(held),
    NODE_OPTIONS: `${NODE_OPTIONS} ${required}`.trim(),
  }
}

function watching(folders: readonly string[], listeners: ChangeListeners): () => void {
  try {
    return watchForChanges(folders, listeners)
  } catch (error) {
    throw new UsageError(
      `${folders.join(', ')} cannot be watched (${(error as NodeJS.ErrnoException).code}); name a folder that is there with --watch`,
    )
  }
}

/**
 * Whether the command may read our stdin. Of a terminal only in front of it: behind it, the system stops whoever reads,
 * but not the command, which is in a session of its own.
 */
function mayRead(): boolean {
  return !isatty(0) || isInFront(0)
}

/** Says what cannot be watched, each once. */
function tellOnce(tell: HoldOptions['tell']): ChangeListeners['onProblem'] {
  const told = new Set<string>()
  return (path, {code = 'unknown error'}) => {
    const line =
      code === 'ENOSPC'
        ? 'not everything can be watched (ENOSPC); raise fs.inotify.max_user_watches, or name smaller folders with --watch'
        : `${path} cannot be watched (${code}); a change in it restarts nothing`
    if (!told.has(line)) tell(line)
    told.add(line)
  }
}

type Supervised = HoldOptions & {host: ServerHost; environment: Record<string, string>}

/** Starts the command, again and again. */
function supervise({host, environment, ...options}: Supervised) {
  const {command, cwd, stopTimeoutSeconds, tell} = options
  const [program = '', ...args] = command.map((word) =>
    word.replaceAll('{port}', String(options.port)),
  )
  let isOver = false
  let wanted: string | undefined
  let wake: () => void = () => undefined

  const streams = {readsThrough: mayRead(), writesThrough: true}
  const start = () =>
    host.start(activated({command: program, args, cwd, env: environment, ...streams}))

  async function run(first: ServerStart): Promise<void> {
    let server = first
    for (;;) {
      const awoken = new Promise<void>((resolve) => {
        wake = resolve
      })
      if (!isOver && wanted === undefined) await Promise.race([server.ended, awoken])
      const ending = server.ending()
      let why = wanted ?? (ending === undefined ? '' : endWords(ending))
      wanted = undefined
      await stop(server)
      if (isOver) return
      const lived = monotonicSeconds() - server.startedAt
      if (ending !== undefined && lived < livesSeconds) {
        tell(`${why}; waits ${livesSeconds} s before it is started again`)
        const again = new Promise<void>((resolve) => {
          wake = resolve
        })
        await Promise.race([again, delay(livesSeconds * 1000)])
        if (isOver) return
      }
      // What has changed since it was stopped is in what is started now.
      why = wanted ?? why
      wanted = undefined
      server = await start()
      tell(`restarted: ${why} (pid ${server.pid})`)
    }
  }

  /** Ends all processes of a start. */
  async function stop(server: ServerStart): Promise<void> {
    const members = () => host.processes().filter((each) => each.start === server.number)
    for (const member of members()) {
      try {
        signalProcess(member, 'SIGTERM')
      } catch {
        // It has become another user's.
      }
    }
    const deadline = monotonicSeconds() + stopTimeoutSeconds
    while (members().length > 0 && monotonicSeconds() < deadline) await delay(lookEveryMilliseconds)
    host.kill(members().map(({pid}) => pid))
  }

  const first = start()
  const ended = first.then(run)
  // Whoever waits for the first start hears that it has failed.
  ended.catch(() => undefined)
  return {
    ...{started: first, ended},
    restart(why: string) {
      wanted = why
      wake()
    },
    end() {
      isOver = true
      wake()
    },
  }
}

function endWords({code, signal}: {code: number | null; signal: string | null}): string {
  return signal === null ? `it exited with status ${code}` : `it was ended by ${signal}`
}
