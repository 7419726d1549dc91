import {setTimeout as delay, setImmediate as nextTurn} from 'node:timers/promises'
import pLimit from 'p-limit'
import {monotonicSeconds} from '../clock.ts'
import {groupBy} from '../group-by.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import {isKernelHeld, type TcpState} from '../platforms/tcp-states.ts'
import {lastsAtLeast} from '../restart/expectation.ts'
import {openPortPool, type PortPool} from '../sockets/ports.ts'
import {isOutOfFiles, isSystemError} from '../sockets/system-error.ts'
import {tooSlow} from '../too-slow.ts'
import type {Cell} from './cells.ts'
import {residueState} from './question.ts'
import {type Made, makeResidue, type Workplace} from './residue.ts'
import {openTargets, type Targets} from './target.ts'
import {isOnlyAutobound, tryToOpen} from './trial.ts'
import {NotSettled, openWorkbench} from './workbench.ts'

/** What came of a cell: the successor's answer, or why there is none. */
export type Observation = {observed: string} | {reason: string}

export interface MeasureOptions {
  cells: readonly Cell[]
  platform: Platform
  settings: Settings
  /** The addresses that this machine has. */
  available: readonly string[]
  signal: AbortSignal
}

/**
 * Cells of one batch are made before the first of them is tried, so that they wait at the same time, and
 * one reading of the socket table, which is expensive with thousands of sockets, tells of all of them. Each
 * holds two sockets until then, but FIN_WAIT2 one and TIME_WAIT none: 256 fds are enough.
 */
const batchSize = 64
const batchSizes: Partial<Record<TcpState | 'none', number>> = {FIN_WAIT2: 128, TIME_WAIT: 512}
/** How many residues are made at the same time, with up to three sockets each. */
const hands = 24
/** How long the socket table may lag behind. */
const tablePatienceSeconds = 1
/** connect() takes one of half of the ports at first (ip_local_port_range), most of which a busy machine may have in use. */
const autobindAttempts = 200

/**
 * Makes every cell's residue on a port of its own, and has the cell's successor try to open it.
 *
 * Each cell has a fresh port: Linux remembers of a port, for as long as any socket is on it, that
 * SO_REUSEPORT was granted, and a second trial there would be granted more (inet_csk_update_fastreuse
 * in net/ipv4/inet_connection_sock.c).
 *
 * @param options.cells cells of one residue after those of another
 * @returns an observation for each cell, in their order; fewer if `signal` interrupts
 * @throws SystemError if this process or machine is out of fds; NoFreePort
 */
export async function measure(options: MeasureOptions): Promise<Observation[]> {
  const {cells, platform, settings, signal} = options
  const pool = openPortPool({ephemeralPorts: platform.ephemeralPorts(settings), native: true})
  const listeners = openWorkbench(signal)
  const targets = openTargets(listeners, () => pool.take())
  const observations: Observation[] = []
  try {
    for (const batch of batchesOf(cells)) {
      if (signal.aborted) break
      observations.push(...(await measureBatch(batch, options, pool, targets)))
    }
  } finally {
    listeners.clear()
    pool.close()
  }
  return observations
}

/** Neighbours of one residue. */
function batchesOf(cells: readonly Cell[]): Cell[][] {
  return [...groupBy(cells, ({residue}) => residue)].flatMap(([residue, own]) => {
    const size = batchSizes[residueState(residue).state] ?? batchSize
    return Array.from({length: Math.ceil(own.length / size)}, (_, index) =>
      own.slice(index * size, (index + 1) * size),
    )
  })
}

async function measureBatch(
  cells: readonly Cell[],
  options: MeasureOptions,
  pool: PortPool,
  targets: Targets,
): Promise<Observation[]> {
  const {signal} = options
  const workbench = openWorkbench(signal)
  const place: Workplace = {workbench, targets, takePort: () => pool.take()}
  try {
    // Everything may be available without waiting, and signals are heard between turns only.
    await nextTurn()
    const limit = pLimit(hands)
    const made = await settle(
      cells.map((cell) => limit(() => makeResidue(cell, place))),
      options,
    )
    const observations: Observation[] = []
    for (const [index, cell] of cells.entries()) {
      if (signal.aborted) break
      const residue = made[index]
      if (residue === undefined) continue
      observations.push(
        'reason' in residue ? residue : await observe(cell, residue, place, options),
      )
    }
    return observations
  } catch (error) {
    if (signal.aborted) return []
    throw error
  } finally {
    workbench.clear()
    pool.release()
  }
}

/**
 * Waits for all, so that no socket is opened any more when the workbench is cleared.
 * @returns each residue, or the reason why it is not there
 */
async function settle(
  making: Promise<Made>[],
  options: MeasureOptions,
): Promise<(Made | {reason: string})[]> {
  const results = await Promise.allSettled(making)
  const made = results.map((result) =>
    result.status === 'fulfilled' ? result.value : reasonOf(result.reason),
  )
  const missing = await missingInTable(made, options)
  return made.map((residue) => {
    if (!('state' in residue) || !missing.has(residue)) return residue
    return (
      goneBeforeTried(residue, options) ?? {reason: absenceWords(residue, missing.get(residue))}
    )
  })
}

function absenceWords({state}: Made, others: readonly string[] = []): string {
  const instead = others.length === 0 ? '' : `; there is ${others.join(' and ')} on its port`
  return `${state} is not in the socket table${instead}`
}

/** The reason, where the kernel may have let go of the residue by now. */
function goneBeforeTried(
  {state, since}: Pick<Made, 'state' | 'since'>,
  options: Pick<MeasureOptions, 'platform' | 'settings'>,
): {reason: string} | undefined {
  const lasts = lastsAtLeast(state, options) ?? Number.POSITIVE_INFINITY
  const age = monotonicSeconds() - since
  if (age <= lasts) return undefined
  const words = `${age.toFixed(1)} s may have passed since ${state} appeared, which may last only ${lasts} s`
  return {reason: tooSlow(words)}
}

/** The successor's answer, if what it was to meet was sure to be there until it came. */
function tried(cell: Cell, made: Made, options: MeasureOptions): Observation {
  const observed = tryToOpen(cell.successor, made.port)
  return goneBeforeTried(made, options) ?? {observed}
}

/** @throws what is not this cell's own trouble */
function reasonOf(error: unknown): {reason: string} {
  const own = isSystemError(error) || error instanceof NotSettled
  if (!own || isOutOfFiles(error)) throw error
  return {reason: error.message}
}

async function observe(
  cell: Cell,
  first: Made,
  place: Workplace,
  options: MeasureOptions,
): Promise<Observation> {
  if (cell.predecessor.bind !== 'autobind') return tried(cell, first, options)
  const workbench = openWorkbench(options.signal)
  let made = first
  try {
    for (let attempt = 0; attempt < autobindAttempts; attempt++) {
      if (isOnlyAutobound(cell, made.port, options.available)) {
        return tried(cell, made, options)
      }
      // What was made in vain is not kept: a batch has open files for its cells only.
      workbench.clear()
      const [again = made] = await settle([makeResidue(cell, {...place, workbench})], options)
      if ('reason' in again) return again
      made = again
    }
  } finally {
    workbench.clear()
  }
  return {reason: `connect() chose a port that others use ${autobindAttempts} times in a row`}
}

/**
 * The residues that no process holds, and that the OS's socket table should show and does not: where
 * TIME_WAIT sockets are limited (tcp_max_tw_buckets), none may be left.
 * @returns with each the states of what is there instead
 */
async function missingInTable(
  residues: readonly (Made | {reason: string})[],
  {platform: {readSockets, hiddenStates}, signal}: MeasureOptions,
): Promise<ReadonlyMap<Made, string[]>> {
  let missing = residues.filter(
    (residue): residue is Made =>
      'state' in residue &&
      residue.state !== 'none' &&
      isKernelHeld(residue.state) &&
      !hiddenStates.includes(residue.state),
  )
  const others = new Map<Made, string[]>()
  if (readSockets === null) return others
  const deadline = monotonicSeconds() + tablePatienceSeconds
  while (missing.length > 0 && !signal.aborted) {
    const asked = monotonicSeconds()
    const table = await readSockets({ports: missing.map(({port}) => port)})
    const present = new Set(table.map(({state, local}) => `${state} ${local.port}`))
    missing = missing.filter(({state, port}) => !present.has(`${state} ${port}`))
    for (const made of missing) {
      const there = table.flatMap(({state, local}) => (local.port === made.port ? [state] : []))
      others.set(made, [...new Set(there)])
    }
    if (asked > deadline) break
    if (missing.length > 0) await delay(5)
  }
  return new Map(missing.map((made) => [made, others.get(made) ?? []]))
}
