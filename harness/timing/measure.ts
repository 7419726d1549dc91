import {setMaxListeners} from 'node:events'
import {setTimeout as delay} from 'node:timers/promises'
import pLimit from 'p-limit'
import {monotonicSeconds} from '../clock.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import type {TimedResidue} from '../platforms/tcp-states.ts'
import {pacingFor} from '../restart/pacing.ts'
import {type PortRelease, watchReleases} from '../restart/release.ts'
import {type LeftResidue, leaveResidue} from '../restart/residue.ts'
import {closeNative, makeSocket, preparedBind} from '../sockets/native.ts'
import type {PortPool} from '../sockets/ports.ts'
import {isSystemError} from '../sockets/system-error.ts'

export interface MeasureOptions {
  /** How many ports. */
  ports: number
  /** Over how many seconds their closings are spread. */
  spreadSeconds: number
  residue: TimedResidue
  limitSeconds: number
  platform: Platform
  settings: Settings
  pool: PortPool
  /** Aborted when the run is interrupted; what was measured up to then is given back. */
  interruption: AbortSignal
  onResidue(release: PortRelease): void
  onClosed(ports: number): void
  onRelease(release: PortRelease): void
}

export interface TimedRelease extends PortRelease {
  /** The length of the residue's timer as the kernel's socket table showed it; null where it does not. */
  kernelTimerSeconds: number | null
}

const address = '127.0.0.1'
const closingAtOnce = 16
const readings = 3
/** More than the readings of the socket table take, even with many sockets on the machine. */
const readingSeconds = 1
/** How many ports may be lost to somebody else between the proof and the use. */
const portLossesAllowed = 5

/**
 * Leaves a residue on each of many ports, at moments spread evenly over some seconds, and tries each port
 * until it is granted, on one kept socket a port.
 * @throws SystemError, e.g. EMFILE where a socket for each port is more than the process may have;
 * NativeOpenerUnavailable; NoFreePort
 */
export async function measureReleases(options: MeasureOptions): Promise<TimedRelease[]> {
  const {residue, interruption, platform, settings} = options
  const kept: number[] = []
  const left: LeftResidue[] = []
  const releases: PortRelease[] = []
  const watch = watchReleases(options)
  const failed = new AbortController()
  const over = AbortSignal.any([interruption, failed.signal])
  setMaxListeners(0, over)
  over.addEventListener('abort', watch.stop)
  let denseFrom = Number.POSITIVE_INFINITY

  async function close(fd: number, due: number): Promise<void> {
    await untilDue(due, over)
    if (over.aborted) return
    const {port, ...leaving} = await leaveOnFreePort(options)
    left.push(leaving)
    const {appeared} = leaving
    const bind = preparedBind(fd, address, port)
    const sought = {platform, settings, sockets: null, assumed: residue, appearedAt: appeared.from}
    const pacing = pacingFor(sought)
    denseFrom = Math.min(denseFrom, pacing.kind === 'dense-from' ? pacing.at : 0)
    const release = watch.add({port, appeared, pacing, bind})
    releases.push(release)
    options.onResidue(release)
  }

  try {
    for (let count = 0; count < options.ports; count++) {
      kept.push(makeSocket({address, bind: 'none'}))
    }
    const closing = pLimit(closingAtOnce)
    const due = dueAfter(kept.length, options.spreadSeconds, monotonicSeconds())
    const closed = await Promise.allSettled(
      kept.map((fd, index) =>
        closing(() => close(fd, due[index] ?? 0)).catch((error) => {
          failed.abort()
          throw error
        }),
      ),
    )
    const problem = closed.find((result) => result.status === 'rejected')
    if (problem !== undefined) throw problem.reason
    if (!over.aborted) options.onClosed(releases.length)
    const undisturbed = monotonicSeconds() + readingSeconds < denseFrom
    const timers = undisturbed && !over.aborted ? await readTimers(releases, options) : new Map()
    await watch.finish()
    return releases.map((release) => ({
      ...release,
      kernelTimerSeconds: timers.get(release.port) ?? null,
    }))
  } finally {
    watch.stop()
    over.removeEventListener('abort', watch.stop)
    for (const {dispose} of left) dispose()
    for (const fd of kept) closeNative(fd)
  }
}

/** The moments at which the ports are due to be closed: the first at once, the last at the spread's end. */
function dueAfter(ports: number, spreadSeconds: number, start: number): number[] {
  const step = ports < 2 ? 0 : spreadSeconds / (ports - 1)
  return Array.from({length: ports}, (_, index) => start + index * step)
}

async function untilDue(due: number, signal: AbortSignal): Promise<void> {
  const milliseconds = (due - monotonicSeconds()) * 1000
  if (milliseconds > 0) await delay(milliseconds, undefined, {signal}).catch(() => undefined)
}

async function leaveOnFreePort({
  pool,
  residue,
}: MeasureOptions): Promise<LeftResidue & {port: number}> {
  for (let losses = 0; ; losses++) {
    const port = await pool.take()
    try {
      return {port, ...(await leaveResidue(port, residue))}
    } catch (error) {
      const lost = isSystemError(error) && error.code === 'EADDRINUSE'
      if (!lost || losses === portLossesAllowed) throw error
    }
  }
}

/**
 * Reads the socket table and works out how long each residue's timer is: the time it has run plus the
 * time it is shown to have left. The quickest of some readings tells best to which moment it belongs.
 */
async function readTimers(
  releases: readonly PortRelease[],
  {platform, residue}: MeasureOptions,
): Promise<Map<number, number>> {
  const timers = new Map<number, number>()
  if (platform.readSockets === null) return timers
  const appeared = new Map(releases.map((release) => [release.port, release.appeared.from]))
  const ports = [...appeared.keys()]
  let quickest = Number.POSITIVE_INFINITY
  let readAt = 0
  let table: SocketEntry[] = []
  for (let reading = 0; reading < readings; reading++) {
    const before = monotonicSeconds()
    const read = await platform.readSockets({ports}).catch(() => [])
    const took = monotonicSeconds() - before
    if (took >= quickest) continue
    quickest = took
    readAt = before + took / 2
    table = read
  }
  for (const {local, state, expiresInSeconds} of table) {
    const since = appeared.get(local.port)
    if (since === undefined || state !== residue || expiresInSeconds === null) continue
    timers.set(local.port, readAt - since + expiresInSeconds)
  }
  return timers
}
