import type {BenchRow} from '../documents/bench-schema.ts'
import type {Cell} from '../matrix/cells.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {errorCode} from '../sockets/system-error.ts'
import {quantile} from '../timing/summary.ts'
import {compileC} from './compile-c.ts'
import type {MatrixWalk, WalkRequest} from './matrix-program.ts'
import {inNamespace} from './namespace.ts'
import {CannotMeasure, type PartOptions, type PartResult, rowOf} from './part.ts'

const full = {sizes: [500, 1000, 2000, 4000, 8000], rounds: 3}
const less = {sizes: [500, 1000], rounds: 1}
const timesOfC = 4

/** Part 4: cells of the bind table a second, against a C program, and how the time grows with their number. */
export async function matrix({quick, signal, scratch, tell}: PartOptions): Promise<PartResult> {
  const problem = nativeOpenerProblem()
  if (problem !== undefined) throw new CannotMeasure(problem)
  const {sizes, rounds} = quick ? less : full
  const compiled = await compileC('matrix-walk', scratch, signal)
  const reason = 'problem' in compiled ? compiled.problem : undefined
  const rows: BenchRow[] = []
  const growth: {cells: number; seconds: number}[] = []
  for (const cells of sizes) {
    tell(`${cells} cells`)
    const own: number[] = []
    const baseline: number[] = []
    const differing = new Set<string>()
    for (let round = 0; round < rounds; round++) {
      const mine = await walk({cells, program: null}, signal)
      own.push(mine.seconds)
      if ('problem' in compiled) continue
      const theirs = await walk({cells, program: compiled.path}, signal)
      baseline.push(theirs.seconds)
      for (const difference of differences(mine, theirs)) differing.add(difference)
    }
    const [seconds, secondsOfC] = [quantile(own, 0.5), quantile(baseline, 0.5)]
    const perSecond = (took: number | null) => (took === null ? null : cells / took)
    if (seconds !== null) growth.push({cells, seconds})
    rows.push(
      rowOf({
        what: `${cells.toLocaleString('en')} cells`,
        unit: 'per-second',
        ours: perSecond(seconds),
        oursRange: [cells / Math.max(...own), cells / Math.min(...own)],
        baseline: {what: 'C', value: perSecond(secondsOfC)},
        target: {of: 'ratio', atMost: timesOfC},
        reason,
        note:
          differing.size === 0
            ? undefined
            : `ours and C were answered differently in ${differing.size} cells: ${[...differing].slice(0, 3).join('; ')}`,
      }),
    )
  }
  const agreeing =
    reason === undefined ? ' Both programs have to be answered alike in every cell.' : ''
  return {
    how: `Cells taken evenly from the whole table, each over a residue of its own on a port of its own, in a network namespace of its own; rounds: ${rounds}, in turn; the medians.${agreeing} ${growthWords(growth)}`,
    rows,
  }
}

/** All that a walk does is done in a fresh process, as `rebind matrix` is one. */
export function walk(request: WalkRequest, signal: AbortSignal): Promise<MatrixWalk> {
  return inNamespace<MatrixWalk>('matrix-program.ts', [JSON.stringify(request)], signal)
}

/** The cells that two walks were answered differently in. */
export function differences(a: MatrixWalk, b: MatrixWalk): string[] {
  return a.cells.flatMap((cell, index) => {
    const [one, other] = [a.answers[index], b.answers[index]]
    return one === other ? [] : [`${cellWords(cell)}: ${answerWords(one)}, ${answerWords(other)}`]
  })
}

function cellWords({residue, predecessor, successor}: Cell): string {
  return `${residue} ${predecessor.bind}@${predecessor.address} -> ${successor.bind}@${successor.address}`
}

function answerWords(answer: number | string | undefined): string {
  if (typeof answer !== 'number') return answer ?? 'nothing'
  return answer === 0 ? 'granted' : errorCode(answer)
}

/** The exponent between the smallest and the largest: 1 if twice the cells take twice the time. */
function growthWords(growth: readonly {cells: number; seconds: number}[]): string {
  const [first, last] = [growth[0], growth.at(-1)]
  if (first === undefined || last === undefined || first === last) return ''
  const exponent = Math.log(last.seconds / first.seconds) / Math.log(last.cells / first.cells)
  return `From ${first.cells} to ${last.cells} cells the time grows from ${first.seconds.toFixed(3)} to ${last.seconds.toFixed(3)} s, as the number to the power of ${exponent.toFixed(2)}.`
}
