import {setMaxListeners} from 'node:events'
import pLimit from 'p-limit'
import {monotonicSeconds} from '../clock.ts'
import type {EventLog} from '../documents/event-log.ts'
import type {Result} from '../documents/report-schema.ts'
import {
  changesHostSettings,
  type SurroundingsOpener,
  surroundingsOpener,
} from '../namespaces/open-surroundings.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import type {Ending, HostKind} from '../processes/child.ts'
import {compileActor} from '../processes/compile.ts'
import {openHosts} from '../processes/hosts.ts'
import type {Scenario} from '../scenario.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {openPortPool} from '../sockets/ports.ts'
import {blankResult} from './blank.ts'
import type {RestartContext} from './context.ts'
import {watchHoldUps} from './hold-ups.ts'
import {mergeRepetitions} from './repeats.ts'
import {type RestartProgress, restart} from './restart.ts'
import {reconnectWithinSeconds} from './script.ts'

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
  /** If the packets are to be captured. */
  packets?: {
    /** Writes a pcap file into the run folder. */
    save(name: string, file: Uint8Array): Promise<void>
    /** Told why they are not, before anything is played; the run goes on without. */
    onProblem(reason: string): void
  }
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
const settingUpAtOnce = 6

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
  // Every scenario listens; that many listeners are not a leak.
  setMaxListeners(0, interruption)
  const program = await compileActor()
  const holdUps = watchHoldUps()
  const onHost = (role: HostKind, pid: number, ending?: Ending) =>
    log.write('process', {
      at: ending?.seconds ?? monotonicSeconds(),
      role,
      pid,
      change: ending === undefined ? 'started' : 'ended',
      ...(ending === undefined ? {} : {status: ending.code, signal: ending.signal}),
    })
  const hosts = openHosts(program.path, {onProcess: onHost})
  const surroundings = surroundingsOpener({
    ...{...options, program: program.path, onHost},
    capturesPackets: options.packets !== undefined,
  })
  const ports = openPortPool({
    ephemeralPorts: platform.ephemeralPorts(settings),
    native: nativeOpenerProblem() === undefined,
  })
  try {
    const readSockets = await probe(platform, log)
    const context = {
      ...options,
      readSockets,
      readCounters: platform.readCounters,
      program: program.path,
      ports,
      hosts,
      holdUps,
      openSurroundings: surroundings.open,
      ...(await packetCapture(options, surroundings)),
    }
    const settingUp = pLimit(settingUpAtOnce)
    const playing = pLimit(Math.max(repeatedAtOnce, Object.keys(scenarios).length))

    async function play(id: string, scenario: Scenario, repetition: number): Promise<Result> {
      const several = options.repeat > 1
      const name = several ? `${id} (${repetition} of ${options.repeat})` : id
      const whose = {scenario: id, ...(several ? {repetition} : {})}
      const begun = await settingUp(async () => {
        if (interruption.aborted) return undefined
        const begun = restart(id, scenario, {
          ...{...context, repetition},
          follow: ({event, seconds, ...fields}) =>
            log.write(event, {at: options.origin + seconds, ...whose, ...fields}),
        })
        options.onBegin?.(name, begun.progress)
        await begun.underWay
        if (begun.progress.observation().attempts.firstError !== null) {
          options.onWaiting?.(name, begun.progress)
        }
        return begun
      })
      const result = (await begun?.result) ?? {
        ...blankResult(id, scenario, options),
        reason: `interrupted by ${interruption.reason}`,
      }
      const {status, reason} = result
      log.write('result', {at: monotonicSeconds(), ...whose, status, reason, result})
      options.onResult?.(name, result)
      return result
    }

    // All scenarios once before any is repeated, so that an interrupted run has seen each.
    const together: Promise<Result>[] = []
    const alone = pLimit(1)
    const order = longestFirst(options)
    const rounds = Array.from({length: options.repeat}, (_, round) => {
      const begun = order.map(([id, scenario]) => {
        const playOnce = () => play(id, scenario, round + 1)
        if (changesHostSettings(scenario.namespace, options)) {
          return [id, alone(() => Promise.all(together).then(playOnce))] as const
        }
        const result = playing(playOnce)
        together.push(result)
        return [id, result] as const
      })
      const results = new Map(begun)
      return Object.keys(scenarios).flatMap((id) => results.get(id) ?? [])
    })
    const played = await Promise.all(rounds.map((round) => Promise.all(round)))
    const [first = [], ...others] = played
    return first.map((result, index) =>
      mergeRepetitions([result, ...others.flatMap((round) => round[index] ?? [])]),
    )
  } finally {
    holdUps.end()
    await Promise.all([hosts.close(), surroundings.close()])
    ports.close()
    await program.dispose()
  }
}

/**
 * The order in which scenarios begin: those that wait longest first, because what begins after the others'
 * set-up ends after them by as much. A server that retries in its own way waits on beyond the release, and
 * where packets are dropped the residue's time begins, or begins again, when they pass again.
 */
function longestFirst(options: SuiteOptions): [id: string, scenario: Scenario][] {
  const wait = ([id, scenario]: [string, Scenario]) => {
    const {expected} = blankResult(id, scenario, options)
    const isLonger = scenario.successor?.retry !== undefined || scenario.namespace?.dropsPackets
    // Before its successor tries, a client waits in vain.
    const waitsInVain = expected?.calls?.some(({outcome}) => outcome === 'unanswered')
    return (
      (expected?.residueSeconds?.[0] ?? 0) +
      (isLonger ? 1 : 0) +
      (waitsInVain ? reconnectWithinSeconds : 0)
    )
  }
  return Object.entries(options.scenarios).sort((a, b) => wait(b) - wait(a))
}

/** What captures the packets of all scenarios, if it is asked for and possible. */
async function packetCapture(
  {packets, log}: SuiteOptions,
  {captureProblem, openShared}: SurroundingsOpener,
): Promise<Pick<RestartContext, 'capture'>> {
  if (packets === undefined) return {}
  const problem = await captureProblem()
  if (problem === undefined) return {capture: {openShared, save: packets.save}}
  log.write('warning', {at: monotonicSeconds(), message: `no packets are captured: ${problem}`})
  packets.onProblem(problem)
  return {}
}

/** The platform's socket table, or null where reading it fails, e.g. where /proc is not mounted. */
async function probe(platform: Platform, log: EventLog) {
  if (platform.readSockets === null) return null
  try {
    await platform.readSockets({ports: [0]})
    return platform.readSockets
  } catch (error) {
    const message = `the socket table cannot be read: ${(error as Error).message}`
    log.write('warning', {at: monotonicSeconds(), message})
    return null
  }
}
