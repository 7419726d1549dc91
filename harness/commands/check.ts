import {join} from 'node:path'
import {checkRestart} from '../check/check.ts'
import {unescapeText} from '../check/escapes.ts'
import {fillOptions} from '../check/options.ts'
import {openServerLog} from '../check/server-log.ts'
import {type CheckDocument, checkSchema, type StopSignal} from '../documents/check-schema.ts'
import {exitStatus} from '../errors.ts'
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
  env: Record<string, string>
  cwd?: string
  out: string
  quiet?: boolean
  verbose?: boolean
}

/** `rebind check --port P -- COMMAND ARGS...`: restarts a server under open connections. */
export async function check(command: string[], given: CheckCommandOptions): Promise<number> {
  const options = fillOptions({
    command,
    port: given.port,
    address: given.host,
    connections: given.connections,
    send: unescapeText(given.send ?? ''),
    hold: given.hold === true,
    stop: given.stop,
    stopTimeoutSeconds: given.stopTimeout,
    startTimeoutSeconds: given.startTimeout,
    rounds: given.rounds,
    limitSeconds: given.limit,
    env: given.env,
    cwd: given.cwd ?? process.cwd(),
  })
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
        await checkRestart(options, listeners, interruption).finally(() => serverLog.close()),
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

function statusOf({safe, problem}: CheckDocument): number {
  if (problem !== undefined) return exitStatus.failed
  return safe ? exitStatus.asExpected : exitStatus.unexpected
}
