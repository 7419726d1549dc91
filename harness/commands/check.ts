import {join} from 'node:path'
import {checkActivation} from '../check/activate.ts'
import {checkRestart} from '../check/check.ts'
import type {CheckListeners} from '../check/context.ts'
import {unescapeText} from '../check/escapes.ts'
import {fillOptions} from '../check/options.ts'
import {checkReload} from '../check/reload.ts'
import {fillReloadOptions, type ReloadOptions} from '../check/reload-options.ts'
import {openServerLog} from '../check/server-log.ts'
import {checkSecondInstance} from '../check/twice.ts'
import {type CheckDocument, checkSchema, type StopSignal} from '../documents/check-schema.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {printable} from '../text.ts'
import {safetyWords} from '../views/check.ts'
import {type OutputOptions, openOutputs} from './outputs.ts'
import {inSession} from './session.ts'

export interface CheckCommandOptions extends OutputOptions {
  port: number
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
  out: string
  quiet?: boolean
  verbose?: boolean
}

/**
 * `rebind check --port P -- COMMAND ARGS...`: restarts a server under open connections. With --trigger or --attach it
 * restarts by itself, under traffic.
 */
export async function check(command: string[], given: CheckCommandOptions): Promise<number> {
  const measure = measuring(command, given)
  const echo = given.verbose === true ? (line: string) => process.stderr.write(line) : undefined
  const outputs = await openOutputs(given)
  // What turns out to be bad usage, such as a port that is taken, is not a run.
  return inSession(
    {out: given.out, outputs, quiet: given.quiet, started: {command}},
    async ({log, folder, interruption, tell}) => {
      const serverLog = openServerLog(join(folder.path, 'server.log'), echo)
      const listeners = {
        onEvent: log.write,
        onOutput: serverLog.add,
        onSilent: serverLog.end,
        onWaiting: (round: number, what: string) =>
          tell(`  round ${round}: ${printable(what)}, trying again`),
      }
      const document = checkSchema.parse(
        await measure(listeners, interruption).finally(() => serverLog.close()),
      )
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
  const common = {
    port: given.port,
    address: given.host,
    stop: given.stop,
    stopTimeoutSeconds: given.stopTimeout,
    startTimeoutSeconds: given.startTimeout,
    limitSeconds: given.limit,
    env: given.env,
    cwd: given.cwd ?? process.cwd(),
    send: unescapeText(given.send ?? ''),
    ...(given.maxOutage === undefined ? {} : {maxOutageSeconds: given.maxOutage}),
    ...(given.maxLost === undefined ? {} : {maxLost: given.maxLost}),
    ...(given.maxWait === undefined ? {} : {maxWaitSeconds: given.maxWait}),
  }
  const attaches = given.attach === true
  if (given.twice === true) {
    if (attaches || given.trigger !== undefined) {
      throw new UsageError('--twice starts the command by itself; leave --attach and --trigger out')
    }
    const options = fillOptions({...common, command})
    return (listeners, interruption) => checkSecondInstance(options, listeners, interruption)
  }
  if (attaches && command.length > 0) {
    throw new UsageError('--attach is for a server that runs already; leave the command out')
  }
  const activates = given.activate === true
  if (activates && (attaches || given.trigger !== undefined)) {
    throw new UsageError(
      '--activate restarts the command by itself; leave --attach and --trigger out',
    )
  }
  if (!attaches && !activates && given.trigger === undefined) {
    const options = fillOptions({
      ...common,
      ...{command, connections: given.connections, hold: given.hold === true, rounds: given.rounds},
    })
    return (listeners, interruption) => checkRestart(options, listeners, interruption)
  }
  const options: ReloadOptions = {
    ...common,
    ...(attaches ? {} : {command}),
    ...(given.trigger === undefined ? {} : {triggers: given.trigger}),
    triggerTimeoutSeconds: given.triggerTimeout,
    ...{rate: given.rate, idle: given.idle, inFlight: given.inFlight},
    ...(given.http === undefined ? {} : {http: given.http}),
  }
  if (activates) {
    fillReloadOptions({...options, triggers: [['restart']]})
    return (listeners, interruption) => checkActivation(options, listeners, interruption)
  }
  fillReloadOptions(options)
  return (listeners, interruption) => checkReload(options, listeners, interruption)
}

function statusOf({safe, problem}: CheckDocument): number {
  if (problem !== undefined) return exitStatus.failed
  return safe ? exitStatus.asExpected : exitStatus.unexpected
}
