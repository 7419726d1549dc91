import {execFile} from 'node:child_process'
import {chmod, chown, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'
import pLimit from 'p-limit'
import {checkRestart} from '../check/check.ts'
import type {CheckListeners} from '../check/context.ts'
import {openServerHost, type ServerHost} from '../check/server.ts'
import {deferred} from '../deferred.ts'
import {detectPlatform} from '../platforms/detect.ts'
import {compileActor} from '../processes/compile.ts'
import type {CheckDocument} from '../reports/check-schema.ts'
import type {Surveyed} from '../reports/survey-schema.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {openPortPool} from '../sockets/ports.ts'
import {findProgram} from './programs.ts'
import type {Place, SurveyServer} from './servers.ts'

export interface SurveyOptions {
  servers: readonly SurveyServer[]
  limitSeconds: number
  signal: AbortSignal
  /** Who hears of the check of one server. */
  listeners(server: SurveyServer): CheckListeners
  onResult?(result: Surveyed): void
}

/** How many servers start, or are compiled, at the same time; as many as like wait at the same time. */
const settingUpAtOnce = 2
const prepareWithinMilliseconds = 180_000
const versionWithinMilliseconds = 10_000
/** `nobody`, by Debian's and most other systems' numbers. */
const nobody = 65_534

/** Checks all servers that are installed here. Results come in the table's order. */
export async function runSurvey(options: SurveyOptions): Promise<Surveyed[]> {
  const {servers, signal} = options
  const platform = detectPlatform()
  const ports = openPortPool({
    ephemeralPorts: platform.ephemeralPorts(await platform.readSettings()),
    native: nativeOpenerProblem() === undefined,
  })
  const settingUp = pLimit(settingUpAtOnce)
  const program = await compileActor()
  // Compilers end, and temporary folders go, even if the harness is killed.
  const host = await openServerHost(program, () => undefined)
  try {
    return await Promise.all(
      servers.map(async (server) => {
        const waiting = deferred<void>()
        const begun = await settingUp(async () => {
          const result = surveyOne(server, options, host, ports.take, waiting.resolve)
          await Promise.race([waiting.promise, result])
          return {result}
        })
        const result = await begun.result
        if (!signal.aborted) options.onResult?.(result)
        return result
      }),
    )
  } finally {
    ports.close()
    await host.close()
    await program.dispose()
  }
}

async function surveyOne(
  server: SurveyServer,
  {limitSeconds, signal, listeners}: SurveyOptions,
  host: ServerHost,
  takePort: () => Promise<number>,
  onWaiting: () => void,
): Promise<Surveyed> {
  const {id, title} = server
  const blank: Surveyed = {
    id,
    title,
    status: 'failed',
    version: null,
    reuseaddr: null,
    outageSeconds: null,
    check: null,
  }
  const missing = needed(server).find((name) => findProgram(name) === undefined)
  if (missing !== undefined) {
    return {...blank, status: 'not-installed', reason: `there is no ${missing} here`}
  }
  if (signal.aborted) return {...blank, reason: `interrupted by ${signal.reason}`}
  let version: string | null = null
  let folder: string | undefined
  try {
    version = await versionOf(server)
    folder = await host.makeFolder(`rebind-survey-${id}-`)
    const place = {port: await takePort(), folder}
    await prepare(server, place, host, signal)
    const told = listeners(server)
    const check = await checkRestart(
      {
        command: runnable(server, server.command(place)),
        port: place.port,
        cwd: folder,
        stop: server.stop ?? 'SIGTERM',
        limitSeconds,
      },
      {
        ...told,
        onWaiting: (...what) => {
          onWaiting()
          told.onWaiting?.(...what)
        },
      },
      signal,
    )
    return {...blank, version, ...outcomeOf(check)}
  } catch (error) {
    return {...blank, version, reason: (error as Error).message}
  } finally {
    if (folder !== undefined) await removeFolder(host, folder)
  }
}

async function removeFolder(host: ServerHost, folder: string): Promise<void> {
  try {
    await host.removeFolder(folder)
  } catch {
    // The guardian has been killed. Root rather leaves the folder than follows a link in it.
    if (!isRoot()) await rm(folder, {recursive: true, force: true})
  }
}

function outcomeOf(check: CheckDocument): Partial<Surveyed> & Pick<Surveyed, 'status'> {
  const {problem, reuseaddr, rounds} = check
  return problem === undefined
    ? {
        status: 'measured',
        reuseaddr: reuseaddr.set,
        outageSeconds: rounds.at(-1)?.outageSeconds ?? null,
        check,
      }
    : {status: 'failed', reason: problem.message, check}
}

function needed({needs, refusesRoot}: SurveyServer): string[] {
  return [...needs, ...(refusesRoot === true && isRoot() ? ['setpriv'] : [])]
}

function isRoot(): boolean {
  return process.getuid?.() === 0
}

/** The command with its program's whole path, and as nobody where root would be refused. */
function runnable(
  {refusesRoot}: SurveyServer,
  [program = '', ...args]: readonly string[],
): string[] {
  const command = [findProgram(program) ?? program, ...args]
  if (refusesRoot !== true || !isRoot()) return command
  const user = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']
  // setpriv replaces itself by the program, so that the process which is stopped is the server.
  return [findProgram('setpriv') ?? 'setpriv', ...user, ...command]
}

async function prepare(
  server: SurveyServer,
  place: Place,
  host: ServerHost,
  signal: AbortSignal,
): Promise<void> {
  const {port, folder} = place
  for (const [name, text] of Object.entries(server.files ?? {})) {
    await writeFile(join(folder, name), text.replaceAll('127.0.0.1:PORT', `127.0.0.1:${port}`))
  }
  if (server.refusesRoot === true && isRoot()) {
    await chown(folder, nobody, nobody)
    await chmod(folder, 0o700)
  }
  for (const command of server.prepare?.(place) ?? []) {
    const [program = '', ...args] = runnable(server, command)
    signal.throwIfAborted()
    const run = await host.start({command: program, args, env: ownEnvironment(), cwd: folder})
    const stop = () => host.kill([run.pid])
    const patience = setTimeout(stop, prepareWithinMilliseconds)
    signal.addEventListener('abort', stop)
    const {code, signal: endedBy} = await run.ended
    signal.removeEventListener('abort', stop)
    clearTimeout(patience)
    signal.throwIfAborted()
    if (code === 0) continue
    await run.silent
    const line = run.lines.errorLines().at(-1) ?? `it ended with ${endedBy ?? code}`
    throw new Error(`${command.join(' ')} failed: ${line}`)
  }
}

function ownEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  )
}

/** What the program says of its version, on whichever stream and with whatever exit status. */
async function versionOf({needs, version}: SurveyServer): Promise<string | null> {
  const program = findProgram(needs[0]) ?? needs[0]
  const options = {timeout: versionWithinMilliseconds, killSignal: 'SIGKILL' as const}
  const {stdout, stderr} = await promisify(execFile)(program, [...version.args], options).catch(
    (error: {stdout?: string; stderr?: string}) => error,
  )
  return version.pattern.exec(`${stdout ?? ''}\n${stderr ?? ''}`)?.[1] ?? null
}
