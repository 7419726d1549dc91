import ci from 'ci-info'
import {scenarios as builtIn} from '../../scenarios/index.ts'
import {jsonText} from '../documents/json-text.ts'
import {proveWritable, writeNamedFile} from '../documents/output-file.ts'
import type {Report, Result} from '../documents/report-schema.ts'
import {closingLine} from '../documents/words.ts'
import {exitStatus} from '../errors.ts'
import {newsOfRun, tellGithub} from '../feeds/github.ts'
import {renderJunit} from '../feeds/junit.ts'
import {liveProgress, type ProgressDisplay, plainProgress} from '../feeds/progress.ts'
import {renderTap} from '../feeds/tap.ts'
import {detectPlatform} from '../platforms/detect.ts'
import {renderForTerminal} from '../render/terminal.ts'
import {columnsOf} from '../render/wrap.ts'
import {chooseScenarios} from '../run/choose.ts'
import {playScenarios, proveRoomInReport, startOf} from '../run/play-scenarios.ts'
import {readScenarioFiles} from '../run/scenario-file.ts'
import {printable} from '../text.ts'
import {findings} from '../views/findings.ts'
import {reportView} from '../views/report.ts'
import {inSession} from './session.ts'

export interface RunOptions {
  json?: boolean
  quick?: boolean
  limit: number
  repeat: number
  allowHostSettings?: boolean
  out: string
  /** Files with scenarios of the user's own. */
  scenario?: string[]
  /** A file for the report as JUnit XML. */
  junit?: string
  /** TAP on stdout, instead of the table. */
  tap?: boolean
}

/** `rebind run [ID...]`: plays scenarios, writes the run folder, prints a table. */
export async function run(ids: string[], options: RunOptions): Promise<number> {
  const own = await readScenarioFiles(options.scenario ?? [])
  const scenarios = chooseScenarios(builtIn, own, ids)
  if (options.junit !== undefined) await proveWritable(options.junit, '--junit')
  if (options.allowHostSettings === true && detectPlatform().stack !== 'darwin') {
    process.stderr.write(
      'rebind: nothing here needs --allow-host-settings; no settings of this machine are changed\n',
    )
  }
  const {json, tap, junit} = options
  const playing = {
    ...{scenarios, limitSeconds: options.limit, wait: options.quick !== true},
    ...{repeat: options.repeat, allowHostSettings: options.allowHostSettings === true},
  }
  proveRoomInReport(playing)
  return inSession(
    options.out,
    async ({folder, platform, settings, host, ...session}) => {
      const display = progressDisplay(Object.keys(scenarios).length * options.repeat)
      const report = await playScenarios({
        ...{...playing, ...session, id: folder.id, machine: {platform, settings, host}},
        onBegin: display.begin,
        onWaiting: display.waiting,
        onResult: display.finish,
      }).finally(display.close)
      const sentences = findings(report.results, scenarios)
      return {
        documents: [report],
        sentences,
        print: () => void process.stdout.write(printed(report, sentences, options)),
        status: statusOf(report.results),
        async afterwards() {
          const junitWritten = junit === undefined || (await writeJunit(junit, report))
          await tellGithub(newsOfRun(report, sentences))
          // Beside the document that stdout is, a person still gets the sum.
          if (json === true || tap === true) {
            process.stderr.write(`${closingLine(report.results)}\n`)
          }
          return junitWritten
        },
      }
    },
    startOf(playing),
  )
}

function printed(report: Report, sentences: readonly string[], {json, tap}: RunOptions): string {
  if (json === true) return `${jsonText(report)}\n`
  if (tap === true) return renderTap(report)
  const view = reportView(report, {log: null, sentences})
  return `${renderForTerminal(view, columnsOf(process.stdout))}\n${closingLine(report.results)}\n`
}

/** Whether it could be written; the run folder holds it all the same. */
async function writeJunit(file: string, report: Report): Promise<boolean> {
  try {
    await writeNamedFile(file, renderJunit(report))
    return true
  } catch (error) {
    const {code, message} = error as NodeJS.ErrnoException
    process.stderr.write(`rebind: ${printable(file)} was not written (${code ?? message})\n`)
    return false
  }
}

/** What differs from the rules weighs more than what could not be measured. */
function statusOf(results: readonly Result[]): number {
  if (results.some(({status}) => status === 'unexpected')) return exitStatus.unexpected
  if (results.some(({status}) => status === 'failed')) return exitStatus.failed
  return exitStatus.asExpected
}

function progressDisplay(total: number): ProgressDisplay {
  const {stderr} = process
  const isLive = stderr.isTTY && columnsOf(stderr) !== undefined
  return isLive && !ci.isCI && process.env.TERM !== 'dumb'
    ? liveProgress(stderr, total)
    : plainProgress(stderr, {folded: process.env.GITHUB_ACTIONS === 'true'})
}
