/**
 * `node --import=tsx test/stress/slow.ts [--quick] [--share 3]`: one run of all scenarios on so many percent of a
 * core, which takes a quarter of an hour. Root only, as it makes a control group. Nothing may be unexpected
 * there; what cannot be judged has to say why, and most of it is still to be judged.
 */
import {spawn} from 'node:child_process'
import {existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {setTimeout as delay} from 'node:timers/promises'
import {fileURLToPath} from 'node:url'
import {reportSchema} from '../../harness/reports/schema.ts'
import {tooSlow} from '../../harness/too-slow.ts'
import {positiveNumber, programOf} from '../program-options.ts'

const program = programOf('slow')
  .option('--share <percent>', 'how much of a core', positiveNumber, 3)
  .option('--quick', 'refusals are not waited out')
  .parse()
const {share, quick} = program.opts<{share: number; quick?: true}>()

const periodMicroseconds = 100_000
/** 40 of 48. */
const judgedAtLeast = 5 / 6

/** A group whose processes have that share of a core between them. @throws where it cannot be made */
function makeGroup(): string {
  const quota = Math.round((share / 100) * periodMicroseconds)
  const root = '/sys/fs/cgroup'
  const name = `rebind-slow-${process.pid}`
  if (existsSync(join(root, 'cgroup.controllers'))) {
    writeFileSync(join(root, 'cgroup.subtree_control'), '+cpu')
    const group = join(root, name)
    mkdirSync(group)
    writeFileSync(join(group, 'cpu.max'), `${quota} ${periodMicroseconds}`)
    return group
  }
  const group = join(root, 'cpu', name)
  mkdirSync(group)
  writeFileSync(join(group, 'cpu.cfs_period_us'), String(periodMicroseconds))
  writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quota))
  return group
}

/** Its last processes may take a moment to be gone. */
async function removeGroup(group: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return rmdirSync(group)
    } catch (error) {
      if (tries === 50) throw error
      await delay(100)
    }
  }
}

/** Joins the group and starts the command line in it, so that its start is slow, too. */
const joining = `
  const [procs, ...command] = process.argv.slice(1)
  require('node:fs').writeFileSync(procs, String(process.pid))
  const {status} = require('node:child_process').spawnSync(process.execPath, command, {stdio: 'inherit'})
  process.exitCode = status ?? 1
`

async function runIn(group: string, out: string) {
  const cli = fileURLToPath(new URL('../../harness/cli.ts', import.meta.url))
  const run = ['run', '--json', '--out', out, ...(quick === true ? ['--quick'] : [])]
  const child = spawn(
    process.execPath,
    ['--eval', joining, join(group, 'cgroup.procs'), '--import=tsx', cli, ...run],
    {
      cwd: fileURLToPath(new URL('../../', import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {...process.env, GITHUB_ACTIONS: undefined},
    },
  )
  return reportSchema.parse(JSON.parse(await text(child.stdout)))
}

let group: string
try {
  group = makeGroup()
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
  await removeGroup(group)
  rmSync(out, {recursive: true, force: true})
}
