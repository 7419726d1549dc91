import {execFile} from 'node:child_process'
import {promisify} from 'node:util'
import pLimit from 'p-limit'
import {checkRestart} from '../check/check.ts'
import type {CheckListeners} from '../check/context.ts'
import type {CheckOptions} from '../check/options.ts'
import {checkReload} from '../check/reload.ts'
import type {ReloadOptions} from '../check/reload-options.ts'
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
  /** Whether packages of npm may be installed, into temporary folders. */
  withNpm?: boolean
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
  // Clients that come while another server is set up would be late.
  const settingUp = pLimit(servers.some(isWatcher) ? 1 : settingUpAtOnce)
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

function isWatcher({trigger, needless}: SurveyServer): boolean {
  return trigger !== undefined || needless !== undefined
}

async function surveyOne(
  server: SurveyServer,
  {limitSeconds, signal, listeners, withNpm = false}: SurveyOptions,
  runAs: ServersRunAs,
  host: ServerHost,
  takePort: () => Promise<number>,
  onWaiting: () => void,
): Promise<Surveyed> {
  const {id, title} = server
  const blank: Surveyed = {
    ...{id, title, restarts: isWatcher(server) ? 'by-itself' : 'stopped-and-started'},
    status: 'failed',
    version: null,
    reuseaddr: null,
    outageSeconds: null,
    check: null,
  }
  if (server.needless !== undefined) return {...blank, status: 'skipped', reason: server.needless}
  if (server.npm !== undefined && !withNpm) {
    const reason = `${server.npm.join(' and ')} would have to be installed; --with-npm does so, into a temporary folder`
    return {...blank, status: 'skipped', reason}
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
    const given = {
      ...{command, port: place.port, cwd: place.folder, env, limitSeconds},
      stop: server.stop ?? 'SIGTERM',
    }
    const onFirstWaiting: CheckListeners['onWaiting'] = (...what) => {
      onWaiting()
      told.onWaiting?.(...what)
    }
    const check =
      staged.trigger === undefined
        ? await checkRestart(given, {...told, onWaiting: onFirstWaiting}, signal)
        : await checkReload(reloadOf(given, staged), told, signal)
    return {...blank, version, ...outcomeOf(check)}
  } catch (error) {
    const status = error instanceof NotForThisUser ? 'skipped' : 'failed'
    return {...blank, status, version, reason: (error as Error).message}
  } finally {
    await staged?.dispose()
  }
}

/** Each client asks for /, and gets a response without a body. */
function reloadOf(given: CheckOptions, {trigger = [], env}: Staged): ReloadOptions {
  const {PATH = ''} = process.env
  return {...given, triggers: [trigger], triggerEnv: {PATH, ...env}, http: '/'}
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
