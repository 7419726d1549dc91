import pLimit from 'p-limit'
import {monotonicSeconds} from '../clock.ts'
import {changesHostSettings, surroundingsOpener} from '../namespaces/open-surroundings.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import {compileActor} from '../processes/compile.ts'
import type {EventLog} from '../reports/events.ts'
import type {Result} from '../reports/schema.ts'
import type {Scenario} from '../scenario.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {openPortPool} from './ports.ts'
import {mergeRepetitions} from './repeats.ts'
import {blankResult, type RestartProgress, restart} from './restart.ts'

export interface SuiteOptions {
  scenarios: Readonly<Record<string, Scenario>>
  platform: Platform
  settings: Settings
  log: EventLog
  origin: number
  limitSeconds: number
  wait: boolean
  /** How often each scenario is played. */
  repeat: number
  /** Whether scenarios may change settings of the machine itself, on macOS. */
  allowHostSettings: boolean
  interruption: AbortSignal
  /** Told of every scenario's beginning and end, for whoever shows the progress. */
  onBegin?(name: string, progress: RestartProgress): void
  /** The first attempt was refused. */
  onWaiting?(name: string, progress: RestartProgress): void
  onResult?(name: string, result: Result): void
}

/**
 * How many scenarios start their processes at the same time: enough to keep two cores busy, few enough
 * that the memory of processes which live for milliseconds does not add up.
 */
const settingUpAtOnce = 4

/** How many scenarios wait at the same time, if they are repeated: each keeps up to four processes. */
const repeatedAtOnce = 48

/**
 * Plays all scenarios at the same time, each on a port of its own, so that the whole takes as long as the
 * longest wait; many repetitions take several such waits. Results come in the scenarios' order; one that
 * fails does not affect the others.
 * @throws NoFreePort never: it fails the scenario that got no port.
 */
export async function runSuite(options: SuiteOptions): Promise<Result[]> {
  const {scenarios, platform, settings, log, interruption} = options
  const program = await compileActor()
  const ports = openPortPool({
    ephemeralPorts: platform.ephemeralPorts(settings),
    native: nativeOpenerProblem() === undefined,
  })
  try {
    const readSockets = await probe(platform, log)
    const context = {
      ...options,
      readSockets,
      program: program.path,
      ports,
      openSurroundings: surroundingsOpener({...options, program: program.path}),
    }
    const settingUp = pLimit(settingUpAtOnce)
    const playing = pLimit(Math.max(repeatedAtOnce, Object.keys(scenarios).length))

    async function play(id: string, scenario: Scenario, repetition: number): Promise<Result> {
      const several = options.repeat > 1
      const name = several ? `${id} (${repetition} of ${options.repeat})` : id
      const ownLog: EventLog = several
        ? {...log, write: (event, fields) => log.write(event, {...fields, repetition})}
        : log
      const begun = await settingUp(async () => {
        if (interruption.aborted) return undefined
        const begun = restart(id, scenario, {...context, log: ownLog})
        options.onBegin?.(name, begun.progress)
        await begun.underWay
        if (begun.progress.firstError !== null) options.onWaiting?.(name, begun.progress)
        return begun
      })
      const result = (await begun?.result) ?? {
        ...blankResult(id, scenario, options),
        reason: `interrupted by ${interruption.reason}`,
      }
      const {status, reason} = result
      ownLog.write('result', {at: monotonicSeconds(), scenario: id, status, reason})
      options.onResult?.(name, result)
      return result
    }

    const played = new Map<string, Promise<Result>[]>()
    const together: Promise<Result>[] = []
    const alone = pLimit(1)
    const order = longestWaitFirst(options)
    // All scenarios once before any is repeated, so that an interrupted run has seen each.
    for (let round = 1; round <= options.repeat; round++) {
      for (const [id, scenario] of order) {
        const playAlone = changesHostSettings(scenario.namespace, options)
        const result = playAlone
          ? alone(async () => {
              await Promise.all(together)
              return play(id, scenario, round)
            })
          : playing(() => play(id, scenario, round))
        if (!playAlone) together.push(result)
        played.set(id, [...(played.get(id) ?? []), result])
      }
    }
    return await Promise.all(
      Object.keys(scenarios).map(async (id) => {
        const [first, ...others] = await Promise.all(played.get(id) ?? [])
        if (first === undefined) throw new Error(`${id} was not played`)
        return mergeRepetitions([first, ...others])
      }),
    )
  } finally {
    ports.close()
    await program.dispose()
  }
}

/** Those that wait for the kernel begin first, so that the others are set up while they wait. */
function longestWaitFirst({scenarios, ...context}: SuiteOptions): [string, Scenario][] {
  const waits = ([id, scenario]: [string, Scenario]) =>
    blankResult(id, scenario, context).expected?.residueSeconds?.[1] ?? 0
  return Object.entries(scenarios)
    .map((entry) => ({entry, wait: waits(entry)}))
    .sort((a, b) => b.wait - a.wait)
    .map(({entry}) => entry)
}

/** The platform's socket table, or null where reading it fails, e.g. where /proc is not mounted. */
async function probe(platform: Platform, log: EventLog) {
  if (platform.readSockets === null) return null
  try {
    await platform.readSockets()
    return platform.readSockets
  } catch (error) {
    const message = `the socket table cannot be read: ${(error as Error).message}`
    log.write('warning', {at: monotonicSeconds(), message})
    return null
  }
}
