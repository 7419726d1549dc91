import {join} from 'node:path'
import {checkActivation} from '../check/activate.ts'
import {checkRestart} from '../check/check.ts'
import type {CheckListeners} from '../check/context.ts'
import {unescapeText} from '../check/escapes.ts'
import {fillOptions} from '../check/options.ts'
import {checkReload} from '../check/reload.ts'
import {fillReloadOptions} from '../check/reload-options.ts'
import {openServerLog} from '../check/server-log.ts'
import {checkSecondInstance} from '../check/twice.ts'
import {checkUnixSocket} from '../check/unix-socket.ts'
import {type CheckDocument, checkSchema, type StopSignal} from '../documents/check-schema.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {printable} from '../text.ts'
import {safetyWords} from '../views/check.ts'
import {assertOptionsFit, type CheckMode} from './check-modes.ts'
import {type OutputOptions, openOutputs} from './outputs.ts'
import {inSession} from './session.ts'

export interface CheckCommandOptions extends OutputOptions {
  port?: number[]
  socket?: string
  host: string
  connections: number
  send?: string
  hold?: boolean
  stop: StopSignal
  stopTimeout: number
  startTimeout: number
  rounds: number
  limit: number
  trigger?: string[][]
  attach?: boolean
  twice?: boolean
  activate?: boolean
  triggerTimeout: number
  rate: number
  idle: number
  inFlight: number
  http?: string
  maxOutage?: number
  maxLost?: number
  maxWait?: number
  env: Record<string, string>
  cwd?: string
  label?: string
  out: string
  quiet?: boolean
  verbose?: boolean
}

/**
 * `rebind check --port P -- COMMAND ARGS...`: restarts a server under open connections. With --trigger or --attach it
 * restarts by itself, under traffic.
 * @param isGiven whether an option was given, by its name in camel case
 */
export async function check(
  command: string[],
  given: CheckCommandOptions,
  isGiven: (name: string) => boolean,
): Promise<number> {
  assertOptionsFit(modeOf(given), isGiven)
  const measure = measuring(command, given)
  const echo = given.verbose === true ? (line: string) => process.stderr.write(line) : undefined
  const outputs = await openOutputs(given)
  const {out, quiet, label} = given
  // What turns out to be bad usage, such as a port that is taken, is not a run.
  return inSession(
    {out, outputs, quiet, label, started: {command}},
    async ({log, folder, interruption, tell}) => {
      const serverLog = openServerLog(join(folder.path, 'server.log'), echo)
      const listeners = {
        onEvent: log.write,
        onOutput: serverLog.add,
        onSilent: serverLog.end,
        onWaiting: (round: number, what: string) =>
          tell(`  round ${round}: ${printable(what)}, trying again`),
      }
      const measured = await measure(listeners, interruption).finally(() => serverLog.close())
      const host = label === undefined ? measured.host : {...measured.host, label}
      const document = checkSchema.parse({...measured, host})
      return {
        documents: [document],
        status: statusOf(document),
        ...(document.problem === undefined || outputs.forPeople
          ? {}
          : {complaint: safetyWords(document)}),
      }
    },
  )
}

type Measure = (listeners: CheckListeners, interruption: AbortSignal) => Promise<CheckDocument>

/** @throws UsageError for options that cannot be, before anything is begun */
function measuring(command: string[], given: CheckCommandOptions): Measure {
  const mode = modeOf(given)
  const common = {
    stop: given.stop,
    stopTimeoutSeconds: given.stopTimeout,
    startTimeoutSeconds: given.startTimeout,
    env: given.env,
    cwd: given.cwd ?? process.cwd(),
  }
  if (mode === 'socket') {
    const {socket = ''} = given
    const options = {...common, command, socket}
    fillOptions({...options, port: 1})
    return (listeners, interruption) => checkUnixSocket(options, listeners, interruption)
  }
  const onPort = {...common, ...portOptions(given, mode)}
  if (mode === 'twice') {
    const options = fillOptions({...onPort, command})
    return (listeners, interruption) => checkSecondInstance(options, listeners, interruption)
  }
  if (mode === 'restart') {
    const {connections, hold = false, rounds} = given
    const options = fillOptions({...onPort, command, connections, hold, rounds})
    return (listeners, interruption) => checkRestart(options, listeners, interruption)
  }
  const options = {...onPort, ...trafficOptions(command, given)}
  if (mode === 'activate') {
    fillReloadOptions({...options, triggers: [['restart']]})
    return (listeners, interruption) => checkActivation(options, listeners, interruption)
  }
  fillReloadOptions(options)
  return (listeners, interruption) => checkReload(options, listeners, interruption)
}

/** What is asked for; the command line has seen to it that it is one thing. */
function modeOf({socket, twice, activate, attach, trigger}: CheckCommandOptions): CheckMode {
  if (socket !== undefined) return 'socket'
  if (twice === true) return 'twice'
  if (activate === true) return 'activate'
  if (attach === true) return 'attach'
  return trigger === undefined ? 'restart' : 'trigger'
}

function portOptions(given: CheckCommandOptions, mode: CheckMode) {
  const [port, ...alsoPorts] = given.port ?? []
  if (port === undefined) {
    throw new UsageError(
      'no port given; say with --port where the server listens (or with --socket)',
    )
  }
  if (alsoPorts.length > 0 && (mode === 'twice' || mode === 'activate')) {
    throw new UsageError(`--${mode} is about one port; give one --port`)
  }
  return {
    ...{port, alsoPorts, address: given.host, limitSeconds: given.limit},
    send: unescapeText(given.send ?? ''),
    ...(given.maxOutage === undefined ? {} : {maxOutageSeconds: given.maxOutage}),
    ...(given.maxLost === undefined ? {} : {maxLost: given.maxLost}),
    ...(given.maxWait === undefined ? {} : {maxWaitSeconds: given.maxWait}),
  }
}

function trafficOptions(command: string[], given: CheckCommandOptions) {
  const {attach = false, trigger, triggerTimeout, rate, idle, inFlight, http} = given
  if (attach && command.length > 0) {
    throw new UsageError('--attach is for a server that runs already; leave the command out')
  }
  return {
    ...(attach ? {} : {command}),
    ...(trigger === undefined ? {} : {triggers: trigger}),
    ...{triggerTimeoutSeconds: triggerTimeout, rate, idle, inFlight},
    ...(http === undefined ? {} : {http}),
  }
}

function statusOf({safe, problem}: CheckDocument): number {
  if (problem !== undefined) return exitStatus.failed
  return safe ? exitStatus.asExpected : exitStatus.unexpected
}
