import {monotonicSeconds} from '../clock.ts'
import type {Result} from '../documents/report-schema.ts'
import {besidesWords, bindWords, residueWords} from '../documents/words.ts'
import {isKernelHeld} from '../platforms/tcp-states.ts'
import {coloursFor} from '../render/colours.ts'
import {columnsOf, wrap} from '../render/wrap.ts'
import {socketsLeft} from '../restart/observation.ts'
import type {RestartProgress} from '../restart/restart.ts'
import {printable} from '../text.ts'

const pc = coloursFor(process.stderr)

/** Shows how a run goes on while it lasts. */
export interface ProgressDisplay {
  begin(id: string, progress: RestartProgress): void
  /** The first attempt was refused: from now on it waits. */
  waiting(id: string, progress: RestartProgress): void
  finish(id: string, result: Result): void
  close(): void
}

/** No display at all. */
export const silentProgress: ProgressDisplay = {
  begin: () => undefined,
  waiting: () => undefined,
  finish: () => undefined,
  close: () => undefined,
}

const redrawEveryMilliseconds = 250
const marks: Record<Result['status'], string> = {
  'as-expected': '✓',
  unexpected: '✗',
  failed: '✗',
  skipped: '-',
}

/**
 * A line when a scenario begins to wait and a line when it ends, for logs and CI.
 * @param folded GitHub shows the lines only to who asks for them
 */
export function plainProgress(
  stream: Pick<NodeJS.WriteStream, 'write'>,
  {folded = false} = {},
): ProgressDisplay {
  if (folded) stream.write('::group::Progress\n')
  return {
    ...silentProgress,
    close: () => {
      if (folded) stream.write('::endgroup::\n')
    },
    waiting: (id, progress) =>
      void stream.write(
        `  ${id}: ${firstErrorOf(progress)}, ${waitingFor(progress, monotonicSeconds())}\n`,
      ),
    finish: (id, result) => void stream.write(`${finishedLine(id, result)}\n`),
  }
}

/**
 * A line for each waiting scenario, with a countdown; finished ones are printed once, above. What redraws a terminal
 * takes longer to load than all else, and most runs have none.
 * @param clock the clock that `releaseFrom` is read on, in seconds
 */
export async function liveProgress(
  stream: NodeJS.WriteStream,
  total: number,
  clock: () => number = monotonicSeconds,
): Promise<ProgressDisplay> {
  const {createLogUpdate} = await import('log-update')
  const display = createLogUpdate(stream)
  const running = new Map<string, RestartProgress>()
  const begunAt = clock()
  let finished = 0

  const draw = () => {
    const now = clock()
    const soonestFirst = [...running].sort(
      ([, a], [, b]) => releaseOf(a, now).order - releaseOf(b, now).order,
    )
    const nameWidth = Math.max(0, ...soonestFirst.map(([id]) => id.length))
    // A line that the terminal would wrap takes a line from the others.
    const width = (columnsOf(stream) ?? 80) - 1
    const lines = soonestFirst.map(([id, progress]) =>
      `  ${id.padEnd(nameWidth)}  ${waitingFor(progress, now)}`.slice(0, width),
    )
    const room = Math.max(1, (stream.rows ?? 24) - 3)
    const hidden = lines.length - room
    const shown = hidden > 0 ? [...lines.slice(0, room), `  and ${hidden} more`] : lines
    display([...shown, pc.dim(summary(now).slice(0, width))].join('\n'))
  }

  /** `12 of 38 done, 26 under way; 23 s so far, the known waits end within 41 s`. */
  const summary = (now: number) => {
    const ends = [...running.values()].flatMap((progress) => releaseOf(progress, now).within ?? [])
    const rest = ends.length === 0 ? '' : `, the known waits end within ${Math.max(1, ...ends)} s`
    const soFar = `${Math.floor(now - begunAt)} s so far`
    return `${finished} of ${total} done, ${running.size} under way; ${soFar}${rest}`
  }
  const timer = setInterval(draw, redrawEveryMilliseconds)
  return {
    begin(id, progress) {
      running.set(id, progress)
    },
    waiting: () => undefined,
    finish(id, result) {
      running.delete(id)
      finished++
      display.clear()
      stream.write(`${finishedLine(id, result, columnsOf(stream))}\n`)
      draw()
    },
    close() {
      clearInterval(timer)
      display.clear()
      display.done()
    },
  }
}

function finishedLine(id: string, result: Result, width?: number): string {
  const {status, reason} = result
  const mark = status === 'as-expected' ? pc.green(marks[status]) : pc.red(marks[status])
  const known = bindWords(result)
  const what = known.length > 0 ? known.join(', ') : (besidesWords(result) ?? 'nothing seen')
  const why = status === 'as-expected' || reason === undefined ? '' : ` ${status}: ${reason}`
  const line = printable(`${id}: ${what}${why}`)
  return `${mark}${wrap(`  ${line}`, width, '    ').slice(1)}`
}

function firstErrorOf({observation}: RestartProgress): string | undefined {
  return observation().attempts.firstError?.code
}

/** `TIME_WAIT, free in 43 to 45 s`. */
function waitingFor(progress: RestartProgress, now: number): string {
  const {waitingSince, residue, timeline} = progress.observation()
  if (waitingSince === undefined) return 'starting'
  const server =
    residue === null ? null : socketsLeft(timeline).filter(({endpoint}) => endpoint === 'server')
  const held = residueWords({residue: server}).replaceAll('server ', '')
  if (server?.some(({state}) => !isKernelHeld(state))) return `${held}, held by a process`
  const range = releaseRange(progress, now)
  if (range === undefined) return `${held}, trying`
  const [from, within] = range
  return from > 0
    ? `${held}, free in ${from === within ? '' : `${from} to `}${within} s`
    : `${held}, free any moment now (within ${Math.max(1, within)} s)`
}

/** In how many whole seconds the port comes free, at the earliest and at the latest, where that is known. */
function releaseRange(
  {expected, observation, origin}: RestartProgress,
  now: number,
): [from: number, within: number] | undefined {
  const {releaseFrom} = observation()
  const residueSeconds = expected()?.residueSeconds
  if (releaseFrom === undefined || residueSeconds === undefined) return undefined
  const [min, max] = residueSeconds
  const left = origin + releaseFrom - now
  return [Math.ceil(left), Math.ceil(left + max - min)]
}

/** Those that are to end next come first; of the others nobody knows, and those that only start come last. */
function releaseOf(progress: RestartProgress, now: number): {order: number; within?: number} {
  if (progress.observation().waitingSince === undefined) return {order: Number.MAX_VALUE}
  const range = releaseRange(progress, now)
  if (range === undefined) return {order: Number.MAX_SAFE_INTEGER}
  const [order, within] = range
  return {order, within}
}
