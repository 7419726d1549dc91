import {scenarios as builtIn} from '../../scenarios/index.ts'
import {monotonicSeconds} from '../clock.ts'
import {endOfRun, noEventLog, openEventLog} from '../documents/event-log.ts'
import {readMachine} from '../documents/host.ts'
import type {Report} from '../documents/report-schema.ts'
import {makeRunFolder, runId} from '../documents/run-folder.ts'
import {UsageError} from '../errors.ts'
import {chooseScenarios} from '../run/choose.ts'
import {defaultLimitSeconds} from '../run/limit.ts'
import {playScenarios, proveRoomInReport, startOf} from '../run/play-scenarios.ts'
import {scenarioProblem} from '../run/scenario-schema.ts'
import type {Scenario, ScenarioWithArms} from '../scenario.ts'
import {findingSentences} from '../views/findings.ts'
import {writeDocuments} from '../views/write.ts'

export interface RunScenariosOptions {
  /** Scenarios of your own, by their ids. Without `ids`, these are played instead of the built-in ones. */
  scenarios?: Readonly<Record<string, Scenario | ScenarioWithArms>>
  /** Which to play of the built-in and your own; a scenario's id stands for all its arms. */
  ids?: readonly string[]
  /** True: do not wait for a port to come free; one refused attempt is enough. */
  quick?: boolean
  /** How long a successor tries; 150 by default. */
  limitSeconds?: number
  /** How often each scenario is played; 1 by default. */
  repeat?: number
  /** Ends the run early: what was not finished is `skipped`, and the report is returned all the same. */
  signal?: AbortSignal
  /** The folder in which a run folder is made, as `rebind run --out` does; without it nothing is written. */
  out?: string
}

/**
 * Plays scenarios on this machine, all at the same time, with real servers on loopback. Without
 * `quick` that lasts as long as the kernel keeps a port, a minute on Linux. A scenario that goes wrong is
 * a result with the status `failed`, not an error.
 * @returns the report that `rebind run --json` prints
 * @throws UsageError for an unknown id, a scenario of the wrong shape, a limit or count that cannot be,
 * or an `out` that cannot be written; Error if that fails at the end only
 */
export async function runScenarios({
  scenarios = {},
  ids = [],
  quick = false,
  limitSeconds = defaultLimitSeconds,
  repeat = 1,
  signal = new AbortController().signal,
  out,
}: RunScenariosOptions = {}): Promise<Report> {
  for (const [id, scenario] of Object.entries(scenarios)) {
    const problem = scenarioProblem(scenario)
    if (problem !== undefined) throw new UsageError(`"${id}" is not a scenario: ${problem}`)
  }
  if (!(limitSeconds > 0 && Number.isFinite(limitSeconds))) {
    throw new UsageError('limitSeconds must be a number greater than 0')
  }
  if (!(Number.isInteger(repeat) && repeat > 0)) {
    throw new UsageError('repeat must be a whole number greater than 0')
  }
  const chosen = chooseScenarios(builtIn, scenarios, ids)
  proveRoomInReport({scenarios: chosen, repeat})
  const startedAt = new Date()
  const origin = monotonicSeconds()
  const folder = out === undefined ? undefined : await makeRunFolder(out, startedAt)
  const id = folder?.id ?? runId(startedAt)
  const log = folder === undefined ? noEventLog : openEventLog(folder.events, id, origin)
  const machine = await readMachine()
  const options = {
    ...{machine, id, startedAt, origin, log, command: [], ended: endOfRun(log, origin)},
    ...{scenarios: chosen, limitSeconds, wait: !quick, repeat, interruption: signal},
    allowHostSettings: false,
  }
  log.write('run-start', {
    ...{at: origin, startedAt: startedAt.toISOString(), command: [], host: machine.host},
    ...startOf(options),
  })
  const report = await playScenarios(options).finally(() => {
    options.ended()
    log.close()
  })
  if (folder !== undefined) {
    await writeDocuments(folder, [report], findingSentences(report.results, chosen))
  }
  return report
}
