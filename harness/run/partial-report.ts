import * as z from 'zod'
import type {Report, Result} from '../documents/report-schema.ts'
import {rulesNamedIn} from '../documents/rules.ts'
import {
  type RunLog,
  type RunStart,
  readRunLog,
  type ScenarioLog,
  tellsTooMuch,
} from '../documents/run-log.ts'
import {platformOf, ruleTexts} from '../platforms/detect.ts'
import {blankResult} from '../restart/blank.ts'
import {restartEventSchema} from '../restart/events.ts'
import {withKnownBug} from '../restart/known-bug.ts'
import {fold, nothingYet, type Observation} from '../restart/observation.ts'
import {mergeRepetitions} from '../restart/repeats.ts'
import {observedResult} from '../restart/result.ts'
import type {Scenario} from '../scenario.ts'
import {version} from '../version.ts'

/** What a run takes where its log does not say. */
const usualLimitSeconds = 150

/** What a killed run had observed of each scenario, played for the first time, when it was killed. */
export type Observations = ReadonlyMap<string, Observation>

/** What the log adds to each event of a restart. */
const logged = z.looseObject({
  scenario: z.string(),
  seconds: z.number().nonnegative(),
  repetition: z.int().default(1),
  level: z.unknown().optional(),
  run: z.unknown().optional(),
})
/** Of what folding copies each time; a real log tells of a few. */
const mostCalls = 1000
const mostErrors = 100
const mostScenarios = 1000

/**
 * Reads events.ndjson, and folds the events of each restart as the run itself did.
 * @throws as {@link readRunLog}
 */
export async function foldRunLog(file: string): Promise<{log: RunLog; seen: Observations}> {
  const seen = new Map<string, Observation>()
  const log = await readRunLog(file, (read) => {
    const line = logged.safeParse(read).data
    if (line === undefined || line.repetition > 1) return
    const {scenario, repetition: _, level: __, run: ___, ...told} = line
    const event = restartEventSchema.safeParse(told).data
    if (event === undefined) return
    const known = fold(seen.get(scenario) ?? nothingYet, {
      ...event,
      seconds: line.seconds,
    })
    const errors = Object.keys(known.attempts.errors).length
    seen.set(scenario, known)
    if (known.calls.length > mostCalls || errors > mostErrors || seen.size > mostScenarios) {
      throw tellsTooMuch(file)
    }
  })
  return {log, seen}
}

/**
 * A report of a run that was killed before it could write its own: what had ended is as it was logged; what
 * had not is skipped, with what had been observed until then.
 * @param start the log's own first event
 */
export function partialReport(
  log: RunLog,
  seen: Observations,
  start: RunStart,
  scenarios: Readonly<Record<string, Scenario>>,
): Report {
  const ids = new Set([...(start.scenarios ?? []), ...log.scenarios.keys()])
  const results = [...ids].flatMap((id) => {
    const scenario = Object.hasOwn(scenarios, id) ? scenarios[id] : undefined
    const known = log.scenarios.get(id)
    return endedResult(known, start) ?? unendedResult(id, scenario, seen.get(id), start) ?? []
  })
  return {
    format: 'rebind-report',
    version: 1,
    run: {
      id: start.run,
      startedAt: start.startedAt,
      wallSeconds: Math.max(0, log.lastSeconds),
      rebind: version,
      command: start.command,
      partial: true,
    },
    host: start.host,
    rules: ruleTexts(platformOf(start.host.stack).rules, results.flatMap(rulesNamedIn)),
    results,
  }
}

function endedResult(log: ScenarioLog | undefined, {host}: RunStart): Result | undefined {
  return log?.result && withKnownBug(mergeRepetitions([log.result, ...log.repetitions]), host)
}

/** Undefined for a scenario of another version, of which nothing but its name is known. */
function unendedResult(
  id: string,
  scenario: Scenario | undefined,
  seen: Observation | undefined,
  {host, limitSeconds = usualLimitSeconds}: RunStart,
): Result | undefined {
  if (scenario === undefined) return undefined
  const settings = {...host.settings, ...seen?.settings}
  const context = {platform: platformOf(host.stack), settings, limitSeconds}
  const blank = blankResult(id, scenario, context)
  if (seen === undefined) {
    return {...blank, reason: 'the run ended before this scenario began'}
  }
  const result = observedResult(blank, scenario, seen, false)
  const isHidden = context.platform.hiddenStates.length > 0
  const ofServer = result.residue?.some(({endpoint}) => endpoint === 'server') ?? false
  return {
    ...result,
    reason: 'the run ended before this scenario did',
    residue: isHidden && !ofServer ? null : result.residue,
  }
}
