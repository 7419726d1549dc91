import {platformOf} from '../platforms/detect.ts'
import type {RunLog, RunStart, ScenarioLog} from '../reports/event-log.ts'
import type {Report, Result} from '../reports/schema.ts'
import type {Scenario} from '../scenario.ts'
import {version} from '../version.ts'
import {blankResult} from './blank.ts'
import {restartEventSchema} from './events.ts'
import {fold, nothingYet, type Observation} from './observation.ts'
import {mergeRepetitions} from './repeats.ts'
import {observedResult} from './result.ts'

/** What a run takes where its log does not say. */
const usualLimitSeconds = 150

/**
 * A report of a run that was killed before it could write its own: what had ended is as it was logged; what
 * had not is skipped, with the attempts and states seen until then.
 * @param start the log's own first event
 */
export function partialReport(
  log: RunLog,
  start: RunStart,
  scenarios: Readonly<Record<string, Scenario>>,
): Report {
  const ids = new Set([...(start.scenarios ?? []), ...log.scenarios.keys()])
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
    results: [...ids].flatMap((id) => {
      const scenario = Object.hasOwn(scenarios, id) ? scenarios[id] : undefined
      const known = log.scenarios.get(id)
      return endedResult(known) ?? unendedResult(id, scenario, known, start) ?? []
    }),
  }
}

function endedResult(log: ScenarioLog | undefined): Result | undefined {
  return log?.result && mergeRepetitions([log.result, ...log.repetitions])
}

/** Undefined for a scenario of another version, of which nothing but its name is known. */
function unendedResult(
  id: string,
  scenario: Scenario | undefined,
  log: ScenarioLog | undefined,
  {host, limitSeconds = usualLimitSeconds}: RunStart,
): Result | undefined {
  if (scenario === undefined) return undefined
  const context = {platform: platformOf(host.stack), settings: host.settings, limitSeconds}
  const blank = blankResult(id, scenario, context)
  if (log === undefined) {
    return {...blank, reason: 'the run was ended before this scenario began'}
  }
  const seen = foldLog(log)
  const result = observedResult(blank, scenario, seen, false)
  const isHidden = context.platform.hiddenStates.length > 0
  const ofServer = result.residue?.some(({endpoint}) => endpoint === 'server') ?? false
  return {
    ...result,
    reason: 'the run was ended before this scenario was',
    residue: isHidden && !ofServer ? null : result.residue,
  }
}

function foldLog({attempts, steps, states}: ScenarioLog): Observation {
  const events = [...attempts, ...steps, ...states].sort((a, b) => a.seconds - b.seconds)
  return events.reduce(
    (seen, event) => fold(seen, {...restartEventSchema.parse(event), seconds: event.seconds}),
    nothingYet,
  )
}
