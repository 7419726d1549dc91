import {join} from 'node:path'
import {checkRestart} from '../check/check.ts'
import {unescapeText} from '../check/escapes.ts'
import {fillOptions} from '../check/options.ts'
import {openServerLog} from '../check/server-log.ts'
import {type CheckDocument, checkSchema, type StopSignal} from '../documents/check-schema.ts'
import {exitStatus} from '../errors.ts'
import {printable} from '../text.ts'
import {checkView, safetyWords} from '../views/check.ts'
import {inSession, inTerminal, printDocument} from './session.ts'

export interface CheckCommandOptions {
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
  json?: boolean
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
  // What turns out to be bad usage, such as a port that is taken, is not a run.
  return inSession(
    given.out,
    async ({log, folder, interruption}) => {
      const serverLog = openServerLog(join(folder.path, 'server.log'), echo)
      const listeners = {
        onEvent: log.write,
        onOutput: serverLog.add,
        onSilent: serverLog.end,
        onWaiting: (round: number, what: string) =>
          process.stderr.write(`  round ${round}: ${printable(what)}, trying again\n`),
      }
      const document = checkSchema.parse(
        await checkRestart(options, listeners, interruption).finally(() => serverLog.close()),
      )
      return {
        documents: [document],
        print() {
          printDocument(document, given.json, inTerminal(checkView))
          if (given.json !== true || document.problem === undefined) return
          process.stderr.write(`rebind: ${safetyWords(document)}\n`)
        },
        status: statusOf(document),
      }
    },
    {command},
  )
}

function statusOf({safe, problem}: CheckDocument): number {
  if (problem !== undefined) return exitStatus.failed
  return safe ? exitStatus.asExpected : exitStatus.unexpected
}
