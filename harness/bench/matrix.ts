import {nativeOpenerProblem} from '../sockets/libc.ts'
import {quantile} from '../timing/summary.ts'
import type {BenchRow} from './document.ts'
import type {MatrixWalk, WalkRequest} from './matrix-program.ts'
import {inNamespace} from './namespace.ts'
import {CannotMeasure, type PartOptions, type PartResult, rowOf} from './part.ts'

const full = {sizes: [500, 1000, 2000, 4000, 8000], rounds: 3}
const less = {sizes: [500, 1000], rounds: 1}
/** How many times the cost of a cell in the smallest run. */
const atMostAmongMany = 1.5

/** Part 4: cells of the bind table per second, and whether a cell gets more expensive if there are more of them. */
export async function matrix({quick, signal, tell}: PartOptions): Promise<PartResult> {
  const problem = nativeOpenerProblem()
  if (problem !== undefined) throw new CannotMeasure(problem)
  const {sizes, rounds} = quick ? less : full
  const rows: BenchRow[] = []
  for (const cells of sizes) {
    tell(`${cells} cells`)
    const seconds: number[] = []
    for (let round = 0; round < rounds; round++) {
      const {seconds: took, untried} = await walk({cells}, signal)
      if (untried > 0) throw new CannotMeasure(`${untried} of ${cells} cells could not be tried`)
      seconds.push(took)
    }
    const [fewest] = rows
    rows.push(
      rowOf({
        what: `${cells.toLocaleString('en')} cells`,
        unit: 'per-second',
        ours: cells / (quantile(seconds, 0.5) ?? Number.NaN),
        oursRange: [cells / Math.max(...seconds), cells / Math.min(...seconds)],
        ...(fewest === undefined
          ? {}
          : {
              baseline: {what: fewest.what, value: fewest.ours},
              target: {of: 'ratio', atMost: atMostAmongMany},
            }),
      }),
    )
  }
  return {
    how: `Cells at equal distances in the whole table, each with its own residue on its own port, in a private network namespace; ${rounds} rounds; medians.`,
    rows,
  }
}

/** Each run is a fresh process, as `rebind matrix` is. */
export function walk(request: WalkRequest, signal: AbortSignal): Promise<MatrixWalk> {
  return inNamespace<MatrixWalk>('matrix-program.ts', [JSON.stringify(request)], signal)
}
