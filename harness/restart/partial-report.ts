import {groupBy} from '../group-by.ts'
import {platformOf} from '../platforms/detect.ts'
import type {LoggedState, RunLog, RunStart, ScenarioLog} from '../reports/event-log.ts'
import type {Report, Result} from '../reports/schema.ts'
import type {Scenario} from '../scenario.ts'
import {version} from '../version.ts'
import {summariseAttempts} from './attempts.ts'
import {mergeRepetitions} from './repeats.ts'
import {blankResult} from './restart.ts'

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
  const attempts = log.attempts.map(({attempt, seconds, outcome, code, errno}) => ({
    attempt,
    seconds,
    outcome,
    ...(code === undefined
      ? {}
      : {error: {code, errno: errno ?? 0, syscall: 'bind', message: `bind ${code}`}}),
  }))
  const {bind} = summariseAttempts(attempts, undefined, false)
  const [first] = attempts
  const residue = first === undefined ? null : residueAt(first.seconds, log.states)
  const hidden = context.platform.hiddenStates.length > 0
  return {
    ...blank,
    reason: 'the run was ended before this scenario was',
    residue: hidden && !residue?.some(({endpoint}) => endpoint === 'server') ? null : residue,
    bind: first === undefined ? null : {...bind, firstAttemptAtSeconds: first.seconds},
    timeline: log.states.map(
      ({seconds, endpoint, socket, connection, state, expiresInSeconds}) => ({
        seconds,
        endpoint,
        socket,
        ...(connection === undefined ? {} : {connection}),
        state,
        ...(expiresInSeconds === undefined ? {} : {expiresInSeconds}),
      }),
    ),
  }
}

/** What was on the port at a moment, by the changes of state that were logged until then. */
function residueAt(
  seconds: number,
  states: readonly LoggedState[],
): NonNullable<Result['residue']> {
  const sockets = groupBy(
    states.filter((state) => state.seconds <= seconds),
    ({endpoint, socket, connection = 0}) => `${endpoint} ${socket} ${connection}`,
  )
  const last = [...sockets.values()].flatMap((changes) => changes.at(-1) ?? [])
  const open = last.filter(({state}) => state !== 'CLOSED')
  return [...groupBy(open, ({endpoint, state}) => `${endpoint} ${state}`).values()].flatMap(
    ([first, ...others]) =>
      first === undefined
        ? []
        : [{endpoint: first.endpoint, state: first.state, count: 1 + others.length}],
  )
}
