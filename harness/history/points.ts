import type {HistoryPoint} from '../documents/history-schema.ts'
import {greatestOf, leastOf} from '../extremes.ts'
import {quantile} from '../timing/summary.ts'

/**
 * No more points than `most`, if that is possible: neighbours that answer alike, by the same versions, become one.
 * @param points of one run each, the oldest first
 */
export function bucketed(points: readonly HistoryPoint[], most: number): HistoryPoint[] {
  if (points.length <= most) return [...points]
  const stretches = stretchesOf(points)
  // Where something changes all the time, there is nothing to keep apart.
  const parts = stretches.length > most / 2 ? [points] : stretches
  const size = Math.ceil(points.length / (most - parts.length + 1))
  return parts.flatMap((part) =>
    Array.from({length: Math.ceil(part.length / size)}, (_, index) =>
      asOne(part.slice(index * size, (index + 1) * size)),
    ),
  )
}

function stretchesOf(points: readonly HistoryPoint[]): HistoryPoint[][] {
  const stretches: HistoryPoint[][] = []
  for (const point of points) {
    const last = stretches.at(-1)
    if (last !== undefined && areAlike(last[0], point)) last.push(point)
    else stretches.push([point])
  }
  return stretches
}

function areAlike(one: HistoryPoint | undefined, other: HistoryPoint): boolean {
  return (['answer', 'release', 'node', 'rebind'] as const).every(
    (field) => one?.[field] === other[field],
  )
}

function asOne(points: readonly HistoryPoint[]): HistoryPoint {
  const newest = points.at(-1)
  if (newest === undefined) throw new RangeError('a point of no runs')
  const values = points.flatMap(({value}) => value ?? [])
  const times =
    values.length === 0
      ? {value: null, low: null, high: null}
      : {
          value: quantile(values, 0.5),
          low: leastOf(points.flatMap(({low}) => low ?? [])),
          high: greatestOf(points.flatMap(({high}) => high ?? [])),
        }
  return {...newest, ...times, runs: points.length}
}
