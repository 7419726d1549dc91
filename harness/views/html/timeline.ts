import type {Result, TimelineEntry} from '../../documents/report-schema.ts'
import type {LoggedAttempt, RunLog, ScenarioLog} from '../../documents/run-log.ts'
import {greatestOf} from '../../extremes.ts'
import {groupBy} from '../../group-by.ts'
import type {TcpState} from '../../platforms/tcp-states.ts'

/** A span of a chart; seconds on whatever axis. */
export interface Span {
  from: number
  to: number
}

export interface StateSpan extends Span {
  socket: TimelineEntry['socket']
  state: TcpState
}

/** One scenario as the chart shows it, in its own time. */
export interface Row {
  result: Result
  origin: Origin['is']
  states: StateSpan[]
  /** Null where the attempts were not logged. */
  refused: readonly number[] | null
  /** Null if it was not, or if it is not known when. */
  granted: number | null
  /** In which the grant is to lie. */
  expected: Span | null
}

/** A scenario's own time. */
export interface Origin {
  /** What to subtract from seconds since the run began. */
  seconds: number
  /** What happened then: the first that was seen of it where no bind attempt was made, or none was logged. */
  is: 'first attempt' | 'first seen'
}

export function originOf({bind, timeline}: Result, log: ScenarioLog | undefined): Origin {
  const attempted = bind?.firstAttemptAtSeconds ?? log?.attempts[0]?.seconds
  return attempted === undefined
    ? {seconds: timeline[0]?.seconds ?? 0, is: 'first seen'}
    : {seconds: attempted, is: 'first attempt'}
}

export function rowOf(result: Result, run: RunLog | null): Row {
  const log = run?.scenarios.get(result.scenario)
  const {bind, expected, timeline} = result
  const {seconds: zero, is} = originOf(result, log)
  const refused = log?.attempts.filter(({outcome}) => outcome === 'refused').map(since(zero))
  const granted = is === 'first attempt' ? (bind?.waitSeconds ?? null) : null
  const ends = [granted ?? 0, ...(refused?.slice(-1) ?? []), ...timeline.map(since(zero))]
  const end = greatestOf(
    ends,
    log?.endedAtSeconds === undefined ? undefined : log.endedAtSeconds - zero,
  )
  const appeared = bind?.residueAtSeconds
  const range = expected?.residueSeconds
  return {
    result,
    origin: is,
    states: stateSpans(
      timeline.map((entry) => ({...entry, seconds: entry.seconds - zero})),
      end,
    ),
    refused: log === undefined ? null : (refused ?? []),
    granted,
    expected:
      appeared === undefined || range === undefined || bind?.firstAttemptAtSeconds === undefined
        ? null
        : {from: appeared - zero + range[0], to: appeared - zero + range[1]},
  }
}

function since(zero: number): (event: {seconds: number}) => number {
  return ({seconds}) => seconds - zero
}

/** The states of the server's endpoint. Connections that are in the same state at the same time are one bar. */
function stateSpans(timeline: readonly TimelineEntry[], end: number): StateSpan[] {
  const server = timeline.filter(({endpoint}) => endpoint === 'server')
  const sockets = groupBy(server, ({socket, connection = 0}) => `${socket} ${connection}`)
  const spans = [...sockets.values()].flatMap((entries) =>
    entries.flatMap(({seconds, socket, state}, index): StateSpan[] => {
      const to = entries[index + 1]?.seconds ?? end
      return state === 'CLOSED' ? [] : [{socket, state, from: seconds, to}]
    }),
  )
  const alike = groupBy(spans, ({socket, state}) => `${socket} ${state}`)
  return [...alike.values()].flatMap(united).sort((a, b) => a.from - b.from)
}

function united(spans: readonly StateSpan[]): StateSpan[] {
  const result: StateSpan[] = []
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1)
    if (last !== undefined && span.from <= last.to) last.to = Math.max(last.to, span.to)
    else result.push({...span})
  }
  return result
}

/** How many attempts a strip of the chart stands for. */
export const weights = [
  {name: 'one', from: 1},
  {name: 'some', from: 2},
  {name: 'many', from: 10},
] as const

export type Weight = (typeof weights)[number]['name']

export interface Strip extends Span {
  weight: Weight
}

/**
 * Attempts, which may be a thousand a second, counted in strips of a given width; neighbours of the same
 * weight are one.
 */
export function stripsOf(attempts: readonly number[], width: number): Strip[] {
  const counts = groupBy(attempts, (seconds) => Math.floor(seconds / width))
  const strips: Strip[] = []
  for (const [index, {length}] of [...counts].sort(([a], [b]) => a - b)) {
    const weight = weights.findLast(({from}) => length >= from)?.name ?? 'one'
    const last = strips.at(-1)
    const adjoins = last !== undefined && Math.round(last.to / width) === index
    if (adjoins && last.weight === weight && weight !== 'one') last.to = (index + 1) * width
    else strips.push({from: index * width, to: (index + 1) * width, weight})
  }
  return strips
}

/** One thing that happened, for the table of a scenario. */
export interface Happening {
  /** In the scenario's own time. */
  seconds: number
  what: string
}

/** Steps, changes of state and attempts in the order of time; attempts that were refused alike are one. */
export function happenings(result: Result, log: ScenarioLog | undefined): Happening[] {
  const {seconds: zero} = originOf(result, log)
  const all: Happening[] = [
    ...(log?.steps ?? []).map(({seconds, step, tookSeconds}) => ({
      seconds: seconds - tookSeconds - zero,
      what: `step ${step}, took ${(tookSeconds * 1000).toFixed(1)} ms`,
    })),
    ...result.timeline.map(({seconds, endpoint, socket, state, expiresInSeconds, connection}) => ({
      seconds: seconds - zero,
      what:
        `${endpoint}'s ${socket}${connection === undefined ? '' : ` ${connection}`}: ${state}` +
        (expiresInSeconds === undefined ? '' : `, its timer at ${expiresInSeconds} s`),
    })),
    ...runsOfAttempts(log?.attempts ?? []).map(([seconds, what]) => ({
      seconds: seconds - zero,
      what,
    })),
  ]
  return all.sort((a, b) => a.seconds - b.seconds)
}

function runsOfAttempts(attempts: readonly LoggedAttempt[]): [seconds: number, what: string][] {
  const runs: LoggedAttempt[][] = []
  for (const attempt of attempts) {
    const [first] = runs.at(-1) ?? []
    // The first is the one that the restart is judged by.
    const alike = first?.outcome === attempt.outcome && first.code === attempt.code
    if (alike && first.attempt !== 1) runs.at(-1)?.push(attempt)
    else runs.push([attempt])
  }
  return runs.flatMap((run) => {
    const [first, last] = [run[0], run.at(-1)]
    if (first === undefined || last === undefined) return []
    const error = first.code === undefined ? '' : `, ${first.code} ${first.errno ?? ''}`.trimEnd()
    const many = run.length > 1
    const lasted = many ? `, over ${(last.seconds - first.seconds).toFixed(3)} s` : ''
    const which = many ? `attempts ${first.attempt} to ${last.attempt}` : `attempt ${first.attempt}`
    return [[first.seconds, `${which}: ${first.outcome}${error}${lasted}`]]
  })
}
