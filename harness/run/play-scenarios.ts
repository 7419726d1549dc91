import type {EventLog} from '../documents/event-log.ts'
import type {Machine} from '../documents/host.ts'
import type {Report} from '../documents/report-schema.ts'
import {rulesNamedIn} from '../documents/rules.ts'
import {UsageError} from '../errors.ts'
import {ruleTexts} from '../platforms/detect.ts'
import {withKnownBug} from '../restart/known-bug.ts'
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
    | 'packets'
    | 'interruption'
    | 'onBegin'
    | 'onWaiting'
    | 'onResult'
  > {
  /** By their ids; an arm is a scenario of its own. */
  scenarios: Readonly<Record<string, Scenario>>
  machine: Machine
  id: string
  startedAt: Date
  /** When it began, monotonic seconds. */
  origin: number
  log: EventLog
  /** Ends the run, and tells how many seconds it took. */
  ended(): number
  /** The command line, for the report. */
  command: string[]
}

/** @throws UsageError for more repetitions than a report can hold */
export function proveRoomInReport({scenarios, repeat}: Pick<PlayOptions, 'scenarios' | 'repeat'>) {
  const each = Math.floor(mostPlays / Object.keys(scenarios).length)
  if (repeat > each) {
    throw new UsageError(
      `${repeat} repetitions are more than one report can hold; repeat ${Object.keys(scenarios).length} scenarios up to ${each} times, or name fewer`,
    )
  }
}

/** One run: plays scenarios at the same time on this machine, and reports what was observed. */
export async function playScenarios(options: PlayOptions): Promise<Report> {
  const {machine, id, startedAt, command, interruption} = options
  const {host, ...onMachine} = machine
  const played = await runSuite({
    ...{...options, ...onMachine},
    onResult: (name, result) => options.onResult?.(name, withKnownBug(result, host)),
  })
  const results = played.map((result) => withKnownBug(result, host))
  const report: Report = {
    format: 'rebind-report',
    version: 1,
    run: {
      id,
      startedAt: startedAt.toISOString(),
      wallSeconds: options.ended(),
      rebind: version,
      command,
      ...(interruption.aborted ? {interrupted: String(interruption.reason)} : {}),
    },
    host,
    rules: ruleTexts(machine.platform.rules, results.flatMap(rulesNamedIn)),
    results,
  }
  return report
}

/** What else the log's first event says of such a run, so that a killed one can be reported. */
export function startOf({
  scenarios,
  limitSeconds,
}: Pick<PlayOptions, 'scenarios' | 'limitSeconds'>) {
  return {scenarios: Object.keys(scenarios), limitSeconds}
}
