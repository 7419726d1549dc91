import ci from 'ci-info'
import {scenarios as builtIn} from '../../scenarios/index.ts'
import {exitStatus} from '../errors.ts'
import {newsOfRun, tellGithub} from '../reports/github.ts'
import {liveProgress, type ProgressDisplay, plainProgress} from '../reports/progress.ts'
import type {Result} from '../reports/schema.ts'
import {renderTerminal} from '../reports/terminal.ts'
import {chooseScenarios} from '../run/choose.ts'
import {playScenarios} from '../run/play-scenarios.ts'
import {readScenarioFiles} from '../run/scenario-file.ts'
import {listenForInterruption} from './interruption.ts'

export interface RunOptions {
  json?: boolean
  quick?: boolean
  limit: number
  repeat: number
  out: string
  scenario?: string[]
}

/** `rebind run [ID...]`: plays scenarios, writes the run folder, prints a table. */
export async function run(ids: string[], options: RunOptions): Promise<number> {
  const own = await readScenarioFiles(options.scenario ?? [])
  const scenarios = chooseScenarios(builtIn, own, ids)
  const interruption = listenForInterruption()
  const display = progressDisplay(Object.keys(scenarios).length * options.repeat)

  const {report, sentences, folder} = await playScenarios({
    scenarios,
    limitSeconds: options.limit,
    wait: options.quick !== true,
    repeat: options.repeat,
    out: options.out,
    command: process.argv.slice(2),
    interruption: interruption.signal,
    onBegin: display.begin,
    onWaiting: display.waiting,
    onResult: display.finish,
  }).finally(display.close)

  if (options.json === true) process.stdout.write(`${JSON.stringify(report)}\n`)
  else process.stdout.write(renderTerminal(report, sentences, process.stdout.columns))
  process.stderr.write(`Logs and report: ${folder?.path}\n`)
  await tellGithub(newsOfRun(report, sentences))
  return interruption.exitStatus() ?? statusOf(report.results)
}

/** What differs from the rules weighs more than what could not be measured. */
function statusOf(results: readonly Result[]): number {
  if (results.some(({status}) => status === 'unexpected')) return exitStatus.unexpected
  if (results.some(({status}) => status === 'failed')) return exitStatus.failed
  return exitStatus.asExpected
}

function progressDisplay(total: number): ProgressDisplay {
  return process.stderr.isTTY && !ci.isCI
    ? liveProgress(process.stderr, total)
    : plainProgress(process.stderr)
}
