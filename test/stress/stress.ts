/**
 * `npm run stress`: quick runs of all scenarios, many in a row and many at once, while other programs keep
 * all cores busy. None may give a verdict that differs from the others', or be unexpected, or fail.
 */
import {spawn} from 'node:child_process'
import {mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {fileURLToPath} from 'node:url'
import {type Report, reportSchema} from '../../harness/documents/report-schema.ts'
import {programOf, wholeNumber} from '../program-options.ts'
import {keepAllCoresBusy} from './load.ts'

const program = programOf('stress')
  .option('--runs <n>', 'how many in a row', wholeNumber, 100)
  .option('--at-once <n>', 'how many at once, after them', wholeNumber, 20)
  .option('--idle', 'put no load on the cores')
  .parse()
const options = program.opts<{runs: number; atOnce: number; idle?: true}>()
if (options.runs + options.atOnce === 0) program.error('error: no run at all proves nothing')
const cli = fileURLToPath(new URL('../../harness/cli.ts', import.meta.url))
const out = mkdtempSync(join(tmpdir(), 'rebind-stress-'))
const began = performance.now()

/** What was wrong, a line each. */
const wrong: string[] = []
const counts = {runs: 0, results: 0, falseVerdicts: 0, unexpected: 0, failed: 0, skipped: 0}
/** The verdict of each scenario as the first run gave it. */
const verdicts = new Map<string, string>()

async function quickRun(): Promise<Report | undefined> {
  const child = spawn(
    process.execPath,
    ['--import=tsx', cli, 'run', '--quick', '--json', '--out', out],
    {stdio: ['ignore', 'pipe', 'pipe'], env: {...process.env, GITHUB_ACTIONS: undefined}},
  )
  const [said, complaints] = await Promise.all([text(child.stdout), text(child.stderr)])
  counts.runs++
  try {
    return reportSchema.parse(JSON.parse(said))
  } catch {
    counts.failed++
    wrong.push(`a run gave no report: ${complaints.trim().split('\n').at(-1)}`)
    return undefined
  }
}

function judge(report: Report | undefined): void {
  for (const {scenario, status, reason, bind} of report?.results ?? []) {
    counts.results++
    const where = `${report?.run.id} ${scenario}`
    if (status === 'unexpected' || status === 'failed' || status === 'skipped') {
      counts[status]++
      if (status !== 'skipped') wrong.push(`${where}: ${status}: ${reason}`)
      continue
    }
    const verdict = bind?.verdict ?? 'none'
    const first = verdicts.get(scenario) ?? verdict
    verdicts.set(scenario, first)
    if (verdict === first) continue
    counts.falseVerdicts++
    wrong.push(`${where}: ${verdict}, and ${first} in the first run`)
  }
}

function tell(what: string): void {
  const seconds = Math.round((performance.now() - began) / 1000)
  process.stderr.write(`${what} after ${seconds} s, ${wrong.length} wrong\n`)
}

const load = options.idle ? undefined : keepAllCoresBusy()
try {
  const {runs, atOnce} = options
  for (let run = 1; run <= runs; run++) {
    judge(await quickRun())
    if (run % 10 === 0 || run === runs) tell(`${run} of ${runs} runs in a row`)
  }
  for (const report of await Promise.all(Array.from({length: atOnce}, quickRun))) judge(report)
  tell(`${atOnce} runs at once`)
} finally {
  load?.end()
  rmSync(out, {recursive: true, force: true})
}

const {runs, results, falseVerdicts, unexpected, failed, skipped} = counts
for (const line of wrong) process.stdout.write(`${line}\n`)
process.stdout.write(
  `${runs} runs, ${results} results: ${falseVerdicts} false verdicts, ${unexpected} unexpected, ${failed} failed, ${skipped} skipped, in ${Math.round((performance.now() - began) / 1000)} s ${options.idle ? 'without a load of its own' : 'with the cores busy'}\n`,
)
process.exitCode = wrong.length > 0 ? 1 : 0
