import type {CellChange} from '../documents/history-schema.ts'
import {groupBy} from '../group-by.ts'
import type {Records, RunRecord} from './read.ts'

/** Of the cells that changed alike in one run; the count has the others. */
const mostNamed = 20

/**
 * The cells of the bind table that changed, those together that did so in the same run and in the same way.
 * @param runs of one system, the oldest first, each with its place in the document
 */
export function changedCells(
  system: string,
  runs: readonly {record: RunRecord; file: number}[],
  {cells, outcomes}: Pick<Records, 'cells' | 'outcomes'>,
): CellChange[] {
  const known = new Uint8Array(cells.length)
  return runs.flatMap(({record, file}) => {
    const changes: {cell: string; from: number; to: number}[] = []
    for (const [place, outcome] of record.outcomes.entries()) {
      // What was not tried says nothing.
      if (outcome === 0) continue
      const before = known[place] ?? 0
      if (before !== 0 && before !== outcome) {
        changes.push({cell: cells[place] ?? '', from: before, to: outcome})
      }
      known[place] = outcome
    }
    return [...groupBy(changes, ({from, to}) => `${from} ${to}`).values()].map((own) => ({
      ...{system, at: record.at, file},
      from: outcomes[own[0]?.from ?? 0] ?? '',
      to: outcomes[own[0]?.to ?? 0] ?? '',
      count: own.length,
      cells: own.slice(0, mostNamed).map(({cell}) => cell),
    }))
  })
}
