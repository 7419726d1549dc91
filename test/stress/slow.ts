/**
 * `node --import=tsx test/stress/slow.ts [--quick] [--share 3]`: one run of all scenarios on so many percent of a
 * core, which takes a quarter of an hour. Root only, as it makes a control group. Nothing may be unexpected
 * there; what cannot be judged has to say why, and most of it is still to be judged.
 */
import {spawn} from 'node:child_process'
import {mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {fileURLToPath} from 'node:url'
import {reportSchema} from '../../harness/documents/report-schema.ts'
import {tooSlow} from '../../harness/too-slow.ts'
import {type CpuGroup, makeCpuGroup} from '../cpu-group.ts'
import {positiveNumber, programOf} from '../program-options.ts'

const program = programOf('slow')
  .option('--share <percent>', 'how much of a core', positiveNumber, 3)
  .option('--quick', 'refusals are not waited out')
  .parse()
const {share, quick} = program.opts<{share: number; quick?: true}>()

/** 40 of 48. */
const judgedAtLeast = 5 / 6

/** Joins the group and starts the command line in it, so that its start is slow, too. */
const joining = `
  const [procs, ...command] = process.argv.slice(1)
  require('node:fs').writeFileSync(procs, String(process.pid))
  const {status} = require('node:child_process').spawnSync(process.execPath, command, {stdio: 'inherit'})
  process.exitCode = status ?? 1
`

async function runIn(group: CpuGroup, out: string) {
  const cli = fileURLToPath(new URL('../../harness/cli.ts', import.meta.url))
  const run = ['run', '--json', '--out', out, ...(quick === true ? ['--quick'] : [])]
  const child = spawn(
    process.execPath,
    ['--eval', joining, group.processes, '--import=tsx', cli, ...run],
    {
      cwd: fileURLToPath(new URL('../../', import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {...process.env, GITHUB_ACTIONS: undefined},
    },
  )
  return reportSchema.parse(JSON.parse(await text(child.stdout)))
}

let group: CpuGroup
try {
  group = makeCpuGroup(`rebind-slow-${process.pid}`, share)
} catch (error) {
  process.stderr.write(`no control group can be made here: ${(error as Error).message}\n`)
  process.exit(3)
}
// The run hears of it, too, and ends; this program then removes the group.
process.on('SIGINT', () => undefined)
const out = mkdtempSync(join(tmpdir(), 'rebind-slow-'))
try {
  const {results, run} = await runIn(group, out)
  const counts = {'as-expected': 0, unexpected: 0, failed: 0, skipped: 0}
  let wrong = 0
  for (const {scenario, status, reason = ''} of results) {
    counts[status]++
    if (status === 'as-expected') continue
    const isWrong =
      status === 'unexpected' || (status === 'failed' && !reason.startsWith(tooSlow('')))
    if (isWrong) wrong++
    process.stdout.write(`${isWrong ? 'WRONG ' : ''}${scenario}: ${status}: ${reason}\n`)
  }
  const tried = results.length - counts.skipped
  const judged = counts['as-expected'] + counts.unexpected
  process.stdout.write(
    `${judged} of ${tried} judged, ${counts.unexpected} unexpected, ${counts.failed} failed, ${counts.skipped} skipped on ${share} % of a core in ${Math.round(run.wallSeconds)} s\n`,
  )
  process.exitCode = wrong > 0 || judged < judgedAtLeast * tried ? 1 : 0
} finally {
  await group.remove()
  rmSync(out, {recursive: true, force: true})
}
