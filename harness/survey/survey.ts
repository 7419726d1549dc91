import {execFile} from 'node:child_process'
import {promisify} from 'node:util'
import pLimit from 'p-limit'
import {checkRestart} from '../check/check.ts'
import type {CheckListeners} from '../check/context.ts'
import {openServerHost, type ServerHost} from '../check/server.ts'
import {deferred} from '../deferred.ts'
import type {CheckDocument} from '../documents/check-schema.ts'
import type {Surveyed} from '../documents/survey-schema.ts'
import {detectPlatform} from '../platforms/detect.ts'
import {compileActor} from '../processes/compile.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {openPortPool} from '../sockets/ports.ts'
import type {SurveyServer} from './servers.ts'
import {commandFor, missingPrograms, NotForThisUser, type Staged, stage} from './stage.ts'
import {type ServersRunAs, type ServerUser, serversRunAs} from './user.ts'

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
const versionWithinMilliseconds = 10_000

/** Checks all servers that are installed here. Results come in the table's order. */
export async function runSurvey(options: SurveyOptions): Promise<Surveyed[]> {
  const {servers, signal} = options
  const platform = detectPlatform()
  const ports = openPortPool({
    ephemeralPorts: platform.ephemeralPorts(await platform.readSettings()),
    native: nativeOpenerProblem() === undefined,
  })
  const runAs = serversRunAs()
  const settingUp = pLimit(settingUpAtOnce)
  const program = await compileActor()
  // Compilers end, and temporary folders go, even if the harness is killed.
  const host = await openServerHost(program, () => undefined)
  try {
    return await Promise.all(
      servers.map(async (server) => {
        const waiting = deferred<void>()
        const begun = await settingUp(async () => {
          const result = surveyOne(server, options, runAs, host, ports.take, waiting.resolve)
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
  runAs: ServersRunAs,
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
  const [absent] = missingPrograms(server, null)
  if (absent !== undefined) {
    return {...blank, status: 'not-installed', reason: `${absent} is not installed`}
  }
  if ('problem' in runAs) return {...blank, status: 'skipped', reason: runAs.problem}
  const {user} = runAs
  const [forbidden] = missingPrograms(server, user)
  if (forbidden !== undefined) {
    const reason = `user ${user?.uid}, which runs it instead of root, is not allowed to run ${forbidden}`
    return {...blank, status: 'skipped', reason}
  }
  if (signal.aborted) return {...blank, reason: `interrupted by ${signal.reason}`}
  let version: string | null = null
  let staged: Staged | undefined
  try {
    version = await versionOf(server, user)
    staged = await stage(server, await takePort(), user, host, signal)
    const {place, command, env} = staged
    const told = listeners(server)
    const check = await checkRestart(
      {
        command,
        port: place.port,
        cwd: place.folder,
        env,
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
    const status = error instanceof NotForThisUser ? 'skipped' : 'failed'
    return {...blank, status, version, reason: (error as Error).message}
  } finally {
    await staged?.dispose()
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

/** What the program says of its version, on whichever stream and with whatever exit status. */
async function versionOf(
  {needs, version}: SurveyServer,
  user: ServerUser | null,
): Promise<string | null> {
  const [program = '', ...args] = commandFor([needs[0], ...version.args], user)
  const options = {timeout: versionWithinMilliseconds, killSignal: 'SIGKILL' as const, cwd: '/'}
  const {stdout, stderr} = await promisify(execFile)(program, args, options).catch(
    (error: {stdout?: string; stderr?: string}) => error,
  )
  return version.pattern.exec(`${stdout ?? ''}\n${stderr ?? ''}`)?.[1] ?? null
}
