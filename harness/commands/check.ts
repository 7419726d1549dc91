import {rm} from 'node:fs/promises'
import {join} from 'node:path'
import {checkRestart} from '../check/check.ts'
import {unescapeText} from '../check/escapes.ts'
import {fillOptions} from '../check/options.ts'
import {openServerLog} from '../check/server-log.ts'
import {monotonicSeconds} from '../clock.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {type CheckDocument, checkSchema, type StopSignal} from '../reports/check-schema.ts'
import {renderCheck} from '../reports/check-terminal.ts'
import {safetyWords} from '../reports/check-words.ts'
import {openEventLog} from '../reports/events.ts'
import {jsonText} from '../reports/json-text.ts'
import {makeRunFolder, writeDocument} from '../reports/run-folder.ts'
import {printable} from '../reports/words.ts'
import {columnsOf} from '../reports/wrap.ts'
import {listenForInterruption} from './interruption.ts'

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
  const startedAt = new Date()
  const origin = monotonicSeconds()
  const folder = await makeRunFolder(given.out, startedAt)
  const events = openEventLog(folder.events, folder.id, origin)
  const echo = given.verbose === true ? (line: string) => process.stderr.write(line) : undefined
  const log = openServerLog(join(folder.path, 'server.log'), echo)
  const interruption = listenForInterruption()
  // What turns out to be bad usage, such as a port that is taken, is no run.
  let unused = false
  events.write('run-start', {at: origin, startedAt: startedAt.toISOString(), command})
  try {
    const document = await checkRestart(
      options,
      {
        onEvent: events.write,
        onOutput: log.add,
        onSilent: log.end,
        onWaiting: (round, what) =>
          process.stderr.write(`  round ${round}: ${printable(what)}, trying again\n`),
      },
      interruption.signal,
    )
    const valid = checkSchema.parse(document)
    if (given.json === true) {
      process.stdout.write(`${jsonText(valid)}\n`)
      if (valid.problem !== undefined) process.stderr.write(`rebind: ${safetyWords(valid)}\n`)
    } else process.stdout.write(renderCheck(valid, columnsOf(process.stdout)))
    await writeDocument(folder, valid)
    process.stderr.write(`Logs and report: ${printable(folder.path)}\n`)
    return interruption.exitStatus() ?? statusOf(valid)
  } catch (error) {
    unused = error instanceof UsageError
    throw error
  } finally {
    events.write('run-end', {at: monotonicSeconds()})
    events.close()
    await log.close()
    interruption.dispose()
    if (unused) await rm(folder.path, {recursive: true, force: true})
  }
}

function statusOf({safe, problem}: CheckDocument): number {
  if (problem !== undefined) return exitStatus.failed
  return safe ? exitStatus.asExpected : exitStatus.unexpected
}
