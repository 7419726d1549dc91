import {monotonicSeconds} from '../clock.ts'
import {type Report, reportSchema} from '../documents/report-schema.ts'
import {quantile} from '../timing/summary.ts'
import {CannotMeasure, type PartOptions, type PartResult, rowOf} from './part.ts'
import {rebind, toItsEnd} from './programs.ts'

const beyondTheWaitSeconds = 6
/** Of one scenario alone, without its wait. */
const setUps = 3

/** Part 2: how long `rebind run` takes if all scenarios wait at the same time. */
export async function suite({quick, signal, scratch, tell}: PartOptions): Promise<PartResult> {
  if (quick)
    throw new CannotMeasure('--quick leaves out what takes as long as the kernel keeps a port')
  tell('every scenario, with its wait')
  const from = monotonicSeconds()
  const report = await run([], scratch, signal)
  const makespan = monotonicSeconds() - from
  const waits = report.results.flatMap(({bind}) => bind?.waitSeconds ?? [])
  const longest = Math.max(0, ...waits)
  const sum = waits.reduce((total, wait) => total + wait, 0)
  const [first] = report.results.filter(({bind}) => bind?.verdict === 'delayed')
  if (first === undefined) throw new CannotMeasure('no scenario had to wait for its port')

  const alone: number[] = []
  for (let count = 0; count < setUps; count++) {
    const begun = monotonicSeconds()
    await run([first.scenario, '--quick'], scratch, signal)
    alone.push(monotonicSeconds() - begun)
  }
  const setUp = quantile(alone, 0.5) ?? 0
  const played = report.results.filter(({status}) => status !== 'skipped').length
  const skipped = report.results.length - played
  const sequential = played * setUp + sum
  const others = report.results.filter(({status}) => status === 'unexpected' || status === 'failed')
  const note =
    others.length === 0
      ? undefined
      : `${others.length} scenarios were unexpected or failed (${others.map(({scenario}) => scenario).join(', ')})`
  return {
    how: `rebind run, from its start to its end: ${played} scenarios played, ${skipped} skipped; ${waits.filter((wait) => wait > 0).length} of them waited, at most ${longest.toFixed(1)} s.`,
    rows: [
      rowOf({
        what: 'makespan beyond the longest wait',
        unit: 'seconds',
        ours: makespan - longest,
        target: {of: 'ours', atMost: beyondTheWaitSeconds},
        note,
      }),
      rowOf({
        what: 'makespan',
        unit: 'seconds',
        ours: makespan,
        baseline: {what: 'sum of the waits', value: sum},
      }),
      rowOf({
        what: 'makespan, against one after the other',
        unit: 'seconds',
        ours: makespan,
        baseline: {what: 'set-up and wait of each scenario', value: sequential, computed: true},
        note: `the baseline is ${played} times the ${setUp.toFixed(2)} s that ${first.scenario} --quick took alone (the median of ${setUps}), and the sum of the waits of this run`,
      }),
    ],
  }
}

async function run(args: readonly string[], out: string, signal: AbortSignal): Promise<Report> {
  const command = [...rebind, 'run', ...args, '--json', '--out', out]
  const {status, stdout, stderr} = await toItsEnd(command, {signal})
  try {
    return reportSchema.parse(JSON.parse(stdout))
  } catch {
    throw new CannotMeasure(
      `rebind run ended with status ${status}: ${stderr.trim().split('\n').at(-1)}`,
    )
  }
}
