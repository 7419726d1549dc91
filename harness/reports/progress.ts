import {createLogUpdate} from 'log-update'
import {monotonicSeconds} from '../clock.ts'
import {isKernelHeld} from '../platforms/tcp-states.ts'
import type {RestartProgress} from '../restart/restart.ts'
import {coloursFor} from './colours.ts'
import type {Result} from './schema.ts'
import {
  besidesWords,
  firstErrorWords,
  printable,
  residueWords,
  verdictWords,
  waitWords,
} from './words.ts'

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
const silentProgress: ProgressDisplay = {
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
      void stream.write(`  ${id}: ${progress.firstError}, ${waitingFor(progress)}\n`),
    finish: (id, result) => void stream.write(`${finishedLine(id, result)}\n`),
  }
}

/** A line for each waiting scenario, with a countdown; finished ones are printed once, above. */
export function liveProgress(stream: NodeJS.WriteStream, total: number): ProgressDisplay {
  const display = createLogUpdate(stream)
  const running = new Map<string, RestartProgress>()
  let finished = 0

  const draw = () => {
    const nameWidth = Math.max(0, ...[...running.keys()].map((id) => id.length))
    // A line that the terminal would wrap takes a line from the others.
    const width = (stream.columns ?? 80) - 1
    const lines = [...running].map(([id, progress]) =>
      `  ${id.padEnd(nameWidth)}  ${waitingFor(progress)}`.slice(0, width),
    )
    const room = Math.max(1, (stream.rows ?? 24) - 3)
    const hidden = lines.length - room
    const shown = hidden > 0 ? [...lines.slice(0, room), `  and ${hidden} more`] : lines
    display([...shown, pc.dim(`${finished} of ${total} done`)].join('\n'))
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
      stream.write(`${finishedLine(id, result)}\n`)
      draw()
    },
    close() {
      clearInterval(timer)
      display.clear()
      display.done()
    },
  }
}

function finishedLine(id: string, result: Result): string {
  const {status, reason} = result
  const mark = status === 'as-expected' ? pc.green(marks[status]) : pc.red(marks[status])
  const words = [verdictWords(result), waitWords(result), firstErrorWords(result)]
  const known = words.filter((word) => word !== '-')
  const what =
    known.length > 0 ? known.join(', ') : printable(besidesWords(result) ?? 'nothing seen')
  const why =
    status === 'as-expected' || reason === undefined ? '' : ` ${status}: ${printable(reason)}`
  return `${mark} ${id}: ${what}${why}`
}

/** `TIME_WAIT, free in 43 to 45 s`. */
function waitingFor({phase, residue, releaseFrom, expected}: RestartProgress): string {
  if (phase === 'setting-up') return 'starting'
  const server = residue?.filter(({endpoint}) => endpoint === 'server') ?? null
  const held = residueWords({residue: server}).replaceAll('server ', '')
  if (server?.some(({state}) => !isKernelHeld(state))) return `${held}, held by a process`
  if (releaseFrom === null || expected?.residueSeconds === undefined) return `${held}, trying`
  const [min, max] = expected.residueSeconds
  const left = releaseFrom - monotonicSeconds()
  return left > 0
    ? `${held}, free in ${Math.ceil(left)} to ${Math.ceil(left + max - min)} s`
    : `${held}, free any moment now (within ${Math.max(1, Math.ceil(left + max - min))} s)`
}
