import ci from 'ci-info'
import {scenarios as builtIn} from '../../scenarios/index.ts'
import type {Result} from '../documents/report-schema.ts'
import {type RunFolder, writeWhole} from '../documents/run-folder.ts'
import {closingLine} from '../documents/words.ts'
import {exitStatus} from '../errors.ts'
import {
  liveProgress,
  type ProgressDisplay,
  plainProgress,
  silentProgress,
} from '../feeds/progress.ts'
import {detectPlatform} from '../platforms/detect.ts'
import {columnsOf} from '../render/wrap.ts'
import {chooseScenarios} from '../run/choose.ts'
import {playScenarios, proveRoomInReport, startOf} from '../run/play-scenarios.ts'
import {readScenarioFiles} from '../run/scenario-file.ts'
import {printable} from '../text.ts'
import {findingSentences} from '../views/findings.ts'
import {type OutputOptions, openOutputs} from './outputs.ts'
import {inSession} from './session.ts'

export interface RunOptions extends OutputOptions {
  quick?: boolean
  limit: number
  repeat: number
  allowHostSettings?: boolean
  packets?: boolean
  out: string
  label?: string
  /** Files with scenarios of the user's own. */
  scenario?: string[]
  quiet?: boolean
}

/** `rebind run [ID...]`: plays scenarios, writes the run folder, prints a table. */
export async function run(ids: string[], options: RunOptions): Promise<number> {
  const own = await readScenarioFiles(options.scenario ?? [])
  const scenarios = chooseScenarios(builtIn, own, ids)
  const outputs = await openOutputs(options, {tellsGithub: true})
  if (options.allowHostSettings === true && detectPlatform().stack !== 'darwin') {
    process.stderr.write(
      'rebind: nothing here needs --allow-host-settings; no settings of this machine are changed\n',
    )
  }
  const playing = {
    ...{scenarios, limitSeconds: options.limit, wait: options.quick !== true},
    ...{repeat: options.repeat, allowHostSettings: options.allowHostSettings === true},
  }
  proveRoomInReport(playing)
  const {out, label, quiet = false} = options
  return inSession(
    {out, outputs, quiet, label, started: startOf(playing)},
    async ({folder, platform, settings, host, ...session}) => {
      const total = Object.keys(scenarios).length * options.repeat
      const display = quiet ? silentProgress : await progressDisplay(total)
      const report = await playScenarios({
        ...{...playing, ...session, id: folder.id, machine: {platform, settings, host}},
        ...(options.packets === true ? {packets: packetsInto(folder)} : {}),
        onBegin: display.begin,
        onWaiting: display.waiting,
        onResult: display.finish,
      }).finally(display.close)
      return {
        documents: [report],
        sentences: findingSentences(report.results, scenarios),
        status: statusOf(report.results),
        closing: closingLine(report.results),
      }
    },
  )
}

/** A pcap file per scenario, in the run folder. */
function packetsInto(folder: RunFolder) {
  return {
    save: (name: string, file: Uint8Array) => writeWhole(folder, name, file),
    onProblem: (reason: string) =>
      void process.stderr.write(`rebind: no packets are captured: ${printable(reason)}\n`),
  }
}

/** What differs from the rules weighs more than what could not be measured. */
function statusOf(results: readonly Result[]): number {
  if (results.some(({status}) => status === 'unexpected')) return exitStatus.unexpected
  if (results.some(({status}) => status === 'failed')) return exitStatus.failed
  return exitStatus.asExpected
}

async function progressDisplay(total: number): Promise<ProgressDisplay> {
  const {stderr} = process
  const isLive = stderr.isTTY && columnsOf(stderr) !== undefined
  return isLive && !ci.isCI && process.env.TERM !== 'dumb'
    ? liveProgress(stderr, total)
    : plainProgress(stderr, {folded: process.env.GITHUB_ACTIONS === 'true'})
}
