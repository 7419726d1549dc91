import {monotonicSeconds} from '../clock.ts'
import {UsageError} from '../errors.ts'
import {detectPlatform} from '../platforms/detect.ts'
import {noEventLog, openEventLog} from '../reports/events.ts'
import {findings} from '../reports/findings.ts'
import {describeHost} from '../reports/host.ts'
import {makeRunFolder, type RunFolder, runId, writeDocument} from '../reports/run-folder.ts'
import type {Report} from '../reports/schema.ts'
import {runSuite, type SuiteOptions} from '../restart/suite.ts'
import type {Scenario} from '../scenario.ts'
import {version} from '../version.ts'
import {mostPlays} from './limit.ts'

export interface PlayOptions
  extends Pick<
    SuiteOptions,
    | 'limitSeconds'
    | 'wait'
    | 'repeat'
    | 'allowHostSettings'
    | 'interruption'
    | 'onBegin'
    | 'onWaiting'
    | 'onResult'
  > {
  /** By their ids; an arm is a scenario of its own. */
  scenarios: Readonly<Record<string, Scenario>>
  /** The folder in which the run folder is made; without it nothing is written. */
  out?: string
  /** The command line, for the report. */
  command: string[]
}

export interface Played {
  report: Report
  /** What contradicts common advice, a sentence each. */
  sentences: string[]
  folder?: RunFolder
  /** Why the report could not be written, in one line. */
  unwritten?: Error
}

/**
 * One run: plays scenarios at the same time on the machine at hand, and reports what was observed.
 * @throws UsageError if the run folder cannot be made, or for more repetitions than a report can hold
 */
export async function playScenarios({out, command, ...options}: PlayOptions): Promise<Played> {
  const {scenarios, interruption} = options
  const each = Math.floor(mostPlays / Object.keys(scenarios).length)
  if (options.repeat > each) {
    throw new UsageError(
      `${options.repeat} repetitions are more than one report can hold; repeat ${Object.keys(scenarios).length} scenarios up to ${each} times, or name fewer`,
    )
  }
  const startedAt = new Date()
  const origin = monotonicSeconds()
  const folder = out === undefined ? undefined : await makeRunFolder(out, startedAt)
  const id = folder?.id ?? runId(startedAt)
  const platform = detectPlatform()
  const settings = await platform.readSettings()
  const host = describeHost(platform, settings)
  const log = folder === undefined ? noEventLog : openEventLog(folder.events, id, origin)
  log.write('run-start', {
    at: origin,
    startedAt: startedAt.toISOString(),
    command,
    host,
    scenarios: Object.keys(scenarios),
    limitSeconds: options.limitSeconds,
  })
  const results = await runSuite({...options, platform, settings, log, origin})
  const endedAt = monotonicSeconds()
  log.write('run-end', {at: endedAt})
  log.close()
  const report: Report = {
    format: 'rebind-report',
    version: 1,
    run: {
      id,
      startedAt: startedAt.toISOString(),
      wallSeconds: endedAt - origin,
      rebind: version,
      command,
      ...(interruption.aborted ? {interrupted: String(interruption.reason)} : {}),
    },
    host,
    results,
  }
  const sentences = findings(results, scenarios)
  if (folder === undefined) return {report, sentences}
  try {
    await writeDocument(folder, report, {sentences})
    return {report, sentences, folder}
  } catch (error) {
    return {report, sentences, folder, unwritten: error as Error}
  }
}
