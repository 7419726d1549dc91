import {nativeOpenerProblem} from '../sockets/libc.ts'
import {quantile} from '../timing/summary.ts'
import type {BenchRow} from './document.ts'
import type {MatrixWalk, WalkRequest} from './matrix-program.ts'
import {inNamespace} from './namespace.ts'
import {CannotMeasure, type PartOptions, type PartResult, rowOf} from './part.ts'

const full = {sizes: [500, 1000, 2000, 4000, 8000], rounds: 3}
const less = {sizes: [500, 1000], rounds: 1}
/** So many times what a cell costs among the fewest. */
const atMostAmongMany = 1.5

/** Part 4: cells of the bind table per second, and whether each gets more expensive the more there are. */
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
    how: `Cells taken evenly from the whole table, each over a residue of its own on a port of its own, in a network namespace of its own; rounds: ${rounds}; the medians.`,
    rows,
  }
}

/** All that a walk does is done in a fresh process, as `rebind matrix` is one. */
export function walk(request: WalkRequest, signal: AbortSignal): Promise<MatrixWalk> {
  return inNamespace<MatrixWalk>('matrix-program.ts', [JSON.stringify(request)], signal)
}
