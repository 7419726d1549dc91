/** Years of runs: REBIND_RUNS=2000 npx ava test/history/many.test.ts writes 800 MB and also judges the time. */
import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {historySchema} from '../../harness/documents/history-schema.ts'
import {projectFolder, runCli, runFolder, temporaryFolder} from '../commands/cli.ts'
import {withWait, writeRuns} from './runs.ts'

const runs = Number(process.env.REBIND_RUNS ?? 150)
const judgedFrom = 2000
const mostSeconds = 5
const mostMemory = 200 * 1024 * 1024
const largestPage = 2 * 1024 * 1024

/** Prints the most memory that the process had, in KB, as Node is told it by getrusage(2). */
const tellMemory =
  'data:text/javascript,process.once("exit",()=>console.error("peak "+process.resourceUsage().maxRSS))'

test(`${runs} reports take at most 200 MB, and their page 2 MB`, async (t) => {
  const [folder, out] = [temporaryFolder(t), temporaryFolder(t)]
  writeRuns(folder, runs, (report, index) => ({
    ...(index > runs / 2 ? withWait(report, 'server-closes-first', 30) : {}),
    host: {...report.host, release: `6.${Math.floor((index / runs) * 9)}.1`},
  }))
  const commandLine = [
    ...[process.execPath, '--import', tellMemory],
    join(projectFolder, 'dist', 'harness', 'cli.js'),
  ]
  const began = performance.now()
  const {status, stderr} = await runCli(t, ['history', '--out', out, folder], {commandLine})
  const seconds = (performance.now() - began) / 1000
  t.is(status, 0, stderr)
  const memory = Number(/^peak (\d+)$/m.exec(stderr)?.[1]) * 1024
  const written = (name: string) => readFileSync(join(runFolder(out), name), 'utf8')
  const page = written('report.html').length
  t.log(
    `${seconds.toFixed(2)} s, ${(memory / 2 ** 20).toFixed(0)} MB, page ${(page / 1000).toFixed(0)} KB`,
  )
  t.true(memory <= mostMemory)
  t.true(page <= largestPage)
  if (runs >= judgedFrom) t.true(seconds <= mostSeconds)
  const {series, moved} = historySchema.parse(JSON.parse(written('history.json')))
  t.is(series[0]?.runs, runs)
  t.is(moved[0]?.subject, 'server-closes-first')
})
