import {writeFile} from 'node:fs/promises'
import ci from 'ci-info'
import leven from 'leven'
import {scenarios as allScenarios} from '../../scenarios/index.ts'
import {monotonicSeconds} from '../clock.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {detectPlatform} from '../platforms/detect.ts'
import {openEventLog} from '../reports/events.ts'
import {findings} from '../reports/findings.ts'
import {newsOfRun, tellGithub} from '../reports/github.ts'
import {describeHost} from '../reports/host.ts'
import {renderJunit} from '../reports/junit.ts'
import {proveWritable} from '../reports/output-file.ts'
import {liveProgress, type ProgressDisplay, plainProgress} from '../reports/progress.ts'
import {makeRunFolder, writeDocument} from '../reports/run-folder.ts'
import type {Report, Result} from '../reports/schema.ts'
import {renderTap} from '../reports/tap.ts'
import {renderTerminal} from '../reports/terminal.ts'
import {closingLine, printable} from '../reports/words.ts'
import {runSuite} from '../restart/suite.ts'
import type {Scenario} from '../scenario.ts'
import {version} from '../version.ts'
import {listenForInterruption} from './interruption.ts'

export interface RunOptions {
  json?: boolean
  quick?: boolean
  limit: number
  repeat: number
  allowHostSettings?: boolean
  out: string
  /** A file for the report as JUnit XML. */
  junit?: string
  /** TAP on stdout, instead of the table. */
  tap?: boolean
}

/** `rebind run [ID...]`: plays scenarios, writes the run folder, prints a table. */
export async function run(ids: string[], options: RunOptions): Promise<number> {
  const scenarios = chosen(ids)
  if (options.junit !== undefined) await proveWritable(options.junit, '--junit')
  const startedAt = new Date()
  const origin = monotonicSeconds()
  const folder = await makeRunFolder(options.out, startedAt)
  const platform = detectPlatform()
  const settings = await platform.readSettings()
  if (options.allowHostSettings === true && platform.stack !== 'darwin') {
    process.stderr.write(
      'rebind: nothing here needs --allow-host-settings; no setting of this machine is changed\n',
    )
  }
  const host = describeHost(platform, settings)
  const command = process.argv.slice(2)
  const log = openEventLog(folder.events, folder.id, origin)
  log.write('run-start', {
    at: origin,
    startedAt: startedAt.toISOString(),
    command,
    host,
    scenarios: Object.keys(scenarios),
    limitSeconds: options.limit,
  })
  const interruption = listenForInterruption()
  const display = progressDisplay(Object.keys(scenarios).length * options.repeat)

  const results = await runSuite({
    scenarios,
    platform,
    settings,
    log,
    origin,
    limitSeconds: options.limit,
    wait: options.quick !== true,
    repeat: options.repeat,
    allowHostSettings: options.allowHostSettings === true,
    interruption: interruption.signal,
    onBegin: display.begin,
    onWaiting: display.waiting,
    onResult: display.finish,
  })
  display.close()

  const endedAt = monotonicSeconds()
  log.write('run-end', {at: endedAt})
  log.close()
  const report: Report = {
    format: 'rebind-report',
    version: 1,
    run: {
      id: folder.id,
      startedAt: startedAt.toISOString(),
      wallSeconds: endedAt - origin,
      rebind: version,
      command,
      ...(interruption.signal.aborted ? {interrupted: String(interruption.signal.reason)} : {}),
    },
    host,
    results,
  }
  const sentences = findings(results, scenarios)
  await writeDocument(folder, report, {sentences})
  process.stdout.write(printed(report, sentences, options))
  process.stderr.write(`Logs and report: ${folder.path}\n`)
  const unwritten = options.junit === undefined ? [] : await writeJunit(options.junit, report)
  await tellGithub(newsOfRun(report, sentences))
  // Beside the document that stdout is, a person still gets the sum.
  if (options.json === true || options.tap === true) {
    process.stderr.write(`${closingLine(results)}\n`)
  }
  const status = interruption.exitStatus() ?? statusOf(results)
  return status === exitStatus.asExpected && unwritten.length > 0 ? exitStatus.failed : status
}

function printed(report: Report, sentences: readonly string[], {json, tap}: RunOptions): string {
  if (json === true) return `${JSON.stringify(report)}\n`
  if (tap === true) return renderTap(report)
  return `${renderTerminal(report, sentences, process.stdout.columns)}\n${closingLine(report.results)}\n`
}

/** What could not be written; the run folder holds it all the same. */
async function writeJunit(file: string, report: Report): Promise<string[]> {
  try {
    await writeFile(file, renderJunit(report))
    return []
  } catch (error) {
    const {code, message} = error as NodeJS.ErrnoException
    process.stderr.write(`rebind: ${printable(file)} was not written (${code ?? message})\n`)
    return [file]
  }
}

/**
 * The scenarios of these ids; a scenario's own id stands for all its arms.
 * @throws UsageError for an id that no scenario has
 */
function chosen(ids: string[]): Record<string, Scenario> {
  const known = Object.keys(allScenarios)
  const isOf = (scenario: string, id: string) => scenario === id || scenario.startsWith(`${id}/`)
  const unknown = ids.find((id) => !known.some((scenario) => isOf(scenario, id)))
  if (unknown !== undefined) {
    const nearest = known
      .map((id) => ({id, distance: leven(id, unknown)}))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, 3)
      .map(({id}) => id)
    throw new UsageError(
      `unknown scenario "${unknown}"; the nearest are ${nearest.join(', ')} (rebind list shows all)`,
    )
  }
  const wanted = ids.length === 0 ? known : ids
  return Object.fromEntries(
    Object.entries(allScenarios).filter(([scenario]) => wanted.some((id) => isOf(scenario, id))),
  )
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
    : plainProgress(process.stderr, {folded: process.env.GITHUB_ACTIONS === 'true'})
}
