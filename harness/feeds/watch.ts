import {createLogUpdate} from 'log-update'
import {monotonicSeconds} from '../clock.ts'
import {jsonText} from '../documents/json-text.ts'
import type {WatchLine} from '../documents/watch-schema.ts'
import {greatestOf} from '../extremes.ts'
import {coloursFor} from '../render/colours.ts'
import {columnsOf} from '../render/wrap.ts'
import {printable} from '../text.ts'
import type {SocketChange} from '../why/socket-changes.ts'
import type {WatchedSocket, WatchReading} from '../why/watch.ts'
import {endWords, remainingWords, shortCommand} from '../why/words.ts'

const pc = coloursFor(process.stdout)

/** Shows what a watch sees while it lasts. */
export interface WatchDisplay {
  reading(reading: WatchReading): void
  /** A plain bind was granted. */
  free(): void
  close(): void
}

export interface WatchTitle {
  port: number
  /** Monotonic seconds. */
  began: number
  untilFree: boolean
}

const redrawEveryMilliseconds = 500
/** More changes of one kind in one reading are one line with their number. */
const mostLinesOfAKind = 10

/** A line a change, for logs and pipes. */
export function plainWatch(stream: NodeJS.WriteStream, title: WatchTitle): WatchDisplay {
  let first = true
  const line = (at: number, text: string) =>
    stream.write(`${(at - title.began).toFixed(1).padStart(7)} s  ${printable(text)}\n`)
  return {
    reading({at, changes, sockets}) {
      if (first && sockets.length === 0) line(at, `no socket on port ${title.port} to be seen`)
      first = false
      const byKey = new Map(sockets.map((socket) => [socket.entry, socket]))
      for (const group of groups(changes)) {
        if (group.length > mostLinesOfAKind) {
          const [change] = group
          if (change !== undefined) line(at, `${group.length} x ${changeWords(change)}`)
          continue
        }
        for (const change of group) {
          line(at, `${changeWords(change)} ${socketWords(change, byKey.get(change.entry))}`)
        }
      }
    },
    free: () => line(monotonicSeconds(), `port ${title.port} is free: a plain bind is granted`),
    close: () => undefined,
  }
}

/** A JSON document a line, one for each change of each socket. */
export function jsonWatch(stream: NodeJS.WriteStream, {port, began}: WatchTitle): WatchDisplay {
  const line = (at: number, fields: object) => {
    const common = {format: 'rebind-watch', version: 1, port, seconds: at - began}
    stream.write(`${jsonText({...common, ...fields} as WatchLine)}\n`)
  }
  return {
    reading({at, changes, sockets}) {
      const byEntry = new Map(sockets.map((socket) => [socket.entry, socket]))
      for (const {change, entry, was} of changes) {
        const {state, local, remote, expiresInSeconds} = entry
        const pid = byEntry.get(entry)?.holders[0]?.pid ?? null
        const before = was === undefined ? {} : {was}
        line(at, {change, state, ...before, local, remote, expiresInSeconds, pid})
      }
    },
    free: () => line(monotonicSeconds(), {change: 'free'}),
    close: () => undefined,
  }
}

/** A table that is redrawn twice a second, its countdowns run by the clock between two readings. */
export function liveWatch(stream: NodeJS.WriteStream, title: WatchTitle): WatchDisplay {
  const display = createLogUpdate(stream)
  let last: WatchReading | undefined
  const draw = () => {
    if (last === undefined) return
    // A line that the terminal would wrap takes a line from the others.
    const width = (columnsOf(stream) ?? 80) - 1
    const room = Math.max(1, (stream.rows ?? 24) - 4)
    const now = monotonicSeconds()
    const [head = '', ...rows] = liveRows(last, now, room).map((row) => row.slice(0, width))
    const count = `Port ${title.port}: ${summary(last.sockets)}`.slice(0, width)
    const hint = `${(now - title.began).toFixed(0)} s${title.untilFree ? ', until a plain bind is granted' : ''}; Ctrl-C ends`
    display([pc.bold(count), pc.dim(head), ...rows, pc.dim(hint.slice(0, width))].join('\n'))
  }
  const timer = setInterval(draw, redrawEveryMilliseconds)
  return {
    reading(reading) {
      const isFirst = last === undefined
      last = reading
      if (isFirst) draw()
    },
    free() {
      stream.write(
        `${pc.green(`Port ${title.port} is free: a plain bind is granted.`)} Watched for ${(monotonicSeconds() - title.began).toFixed(1)} s.\n`,
      )
    },
    close() {
      clearInterval(timer)
      display.clear()
      display.done()
    },
  }
}

/** Changes of one kind together, in the order in which the kinds were seen. */
function groups(changes: readonly SocketChange[]): SocketChange[][] {
  const byKind = new Map<string, SocketChange[]>()
  for (const change of changes) {
    const kind = changeWords(change)
    const known = byKind.get(kind)
    if (known === undefined) byKind.set(kind, [change])
    else known.push(change)
  }
  return [...byKind.values()]
}

/** `TIME_WAIT`, `ESTABLISHED -> TIME_WAIT`, `gone: TIME_WAIT`. */
function changeWords({change, entry, was}: SocketChange): string {
  if (change === 'gone') return `gone: ${entry.state}`
  return was === undefined ? entry.state : `${was} -> ${entry.state}`
}

function socketWords({change, entry}: SocketChange, socket: WatchedSocket | undefined): string {
  const {state, local, remote} = entry
  const ends = state === 'LISTEN' ? endWords(local) : `${endWords(local)} - ${endWords(remote)}`
  if (change === 'gone' || socket === undefined) return ends
  const {remaining, holders} = socket
  const [holder] = holders
  const until = remaining === null ? '' : `, gone in ${remainingWords(remaining)}`
  const who = holder === undefined ? '' : `, ${holder.pid} ${shortCommand(holder.command)}`
  return `${ends}${until}${who}`
}

/** `1 LISTEN, 3 ESTABLISHED`. */
function summary(sockets: readonly WatchedSocket[]): string {
  if (sockets.length === 0) return 'no socket to be seen'
  return [...byState(sockets)].map(([state, group]) => `${group.length} ${state}`).join(', ')
}

function byState(sockets: readonly WatchedSocket[]): Map<string, WatchedSocket[]> {
  const states = new Map<string, WatchedSocket[]>()
  for (const socket of sockets) {
    const known = states.get(socket.entry.state)
    if (known === undefined) states.set(socket.entry.state, [socket])
    else known.push(socket)
  }
  return states
}

/** A head and a row a socket, or a row a state if there is no room for all. */
function liveRows({at, sockets}: WatchReading, now: number, room: number): string[] {
  if (sockets.length === 0) return ['']
  const left = ({remaining}: WatchedSocket) =>
    remaining === null
      ? '-'
      : remainingWords([
          Math.max(0, remaining[0] - (now - at)),
          Math.max(0, remaining[1] - (now - at)),
        ])
  if (sockets.length <= room) {
    return columns([
      ['state', 'local', 'remote', 'gone in', 'process'],
      ...sockets.map((socket) => {
        const {entry, holders} = socket
        const [holder] = holders
        return [
          entry.state,
          endWords(entry.local),
          entry.state === 'LISTEN' ? '-' : endWords(entry.remote),
          left(socket),
          holder === undefined ? '-' : `${holder.pid} ${shortCommand(holder.command)}`,
        ]
      }),
    ])
  }
  return columns([
    ['state', 'sockets', 'first gone in', 'last gone in'],
    ...[...byState(sockets)].map(([state, group]) => {
      const timed = group.filter(({remaining}) => remaining !== null)
      const [soonest, latest] = extremes(timed)
      return [
        state,
        String(group.length),
        soonest === undefined ? '-' : left(soonest),
        latest === undefined ? '-' : left(latest),
      ]
    }),
  ])
}

/** The sockets that go first and last. */
function extremes(sockets: readonly WatchedSocket[]): WatchedSocket[] {
  const end = ({remaining}: WatchedSocket) => remaining?.[1] ?? 0
  const [first] = sockets
  if (first === undefined) return []
  return [
    sockets.reduce((a, b) => (end(b) < end(a) ? b : a), first),
    sockets.reduce((a, b) => (end(b) > end(a) ? b : a), first),
  ]
}

function columns(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    greatestOf(rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) => printable(cell).padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
