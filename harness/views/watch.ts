import {groupBy} from '../group-by.ts'
import type {Block, Cell, Many, Part, Text, View} from '../render/model.ts'
import type {SocketChange} from '../why/socket-changes.ts'
import type {WatchedSocket, WatchReading} from '../why/watch.ts'
import {endWords, remainingWords} from '../why/words.ts'

export interface WatchTitle {
  port: number
  /** Monotonic seconds. */
  began: number
  untilFree: boolean
}

/** The port's sockets now, which may be later than they were read: what is left to them runs by the clock. */
export function watchView({at, sockets}: WatchReading, title: WatchTitle, now: number): View {
  const {port, began, untilFree} = title
  const end = untilFree ? ', until a plain bind is granted' : ''
  return {
    heading: `Port ${port}: ${countWords(sockets)}`,
    blocks: [
      socketTables(sockets, now - at),
      {kind: 'text', muted: true, text: `${(now - began).toFixed(0)} s${end}; Ctrl-C ends`},
    ],
    file: inJson,
  }
}

/** A plain bind was granted, and the watch ends. */
export function freeView({port, began}: WatchTitle, now: number): View {
  return {
    heading: {tone: 'good', text: `Port ${port} is free: a plain bind is granted.`},
    lead: `Watched for ${(now - began).toFixed(1)} s.`,
    blocks: [],
    file: inJson,
  }
}

/** What is different from the reading before, a block for each kind of change, in the order in which they were seen. */
export function changeBlocks({at, changes, sockets}: WatchReading, title: WatchTitle): Many[] {
  const byEntry = new Map(sockets.map((socket) => [socket.entry, socket]))
  const line = (text: Text) => [secondsWords(at, title), text] as const
  return [...groupBy(changes, changeWords)].map(([kind, own]) => ({
    kind: 'many',
    all: {
      kind: 'facts',
      facts: own.map((change) =>
        line([`${kind} `, ...socketWords(change, byEntry.get(change.entry))]),
      ),
    },
    summary: {kind: 'facts', facts: [line(`${own.length} x ${kind}`)]},
  }))
}

/** One line of a watch that is not redrawn. */
export function lineBlock(at: number, title: WatchTitle, text: string): Block {
  return {kind: 'facts', facts: [[secondsWords(at, title), text]]}
}

/** What is printed is all that there is. */
const inJson = 'the JSON (--json)'

function secondsWords(at: number, {began}: WatchTitle): string {
  return `${(at - began).toFixed(1).padStart(7)} s`
}

/** `TIME_WAIT`, `ESTABLISHED -> TIME_WAIT`, `gone: TIME_WAIT`. */
function changeWords({change, entry, was}: SocketChange): string {
  if (change === 'gone') return `gone: ${entry.state}`
  return was === undefined ? entry.state : `${was} -> ${entry.state}`
}

function socketWords({change, entry}: SocketChange, socket: WatchedSocket | undefined): Part[] {
  const {state, local, remote} = entry
  const ends = state === 'LISTEN' ? endWords(local) : `${endWords(local)} - ${endWords(remote)}`
  if (change === 'gone' || socket === undefined) return [ends]
  const {remaining, holders} = socket
  return [
    ends,
    ...(remaining === null ? [] : [`, gone in ${remainingWords(remaining)}`]),
    ...(holders.length === 0 ? [] : [', ', ...holderParts(holders)]),
  ]
}

function holderParts([holder]: WatchedSocket['holders']): Part[] {
  return holder === undefined ? ['-'] : [`${holder.pid} `, {short: holder.command}]
}

/** `1 LISTEN, 3 ESTABLISHED`. */
function countWords(sockets: readonly WatchedSocket[]): string {
  if (sockets.length === 0) return 'no visible socket'
  return [...byState(sockets)].map(([state, group]) => `${group.length} ${state}`).join(', ')
}

function byState(sockets: readonly WatchedSocket[]): Map<string, WatchedSocket[]> {
  return groupBy(sockets, ({entry}) => entry.state)
}

/** A row per socket, or where there is no room for so many, per state. */
function socketTables(sockets: readonly WatchedSocket[], passed: number): Many {
  const left = (socket: WatchedSocket | undefined): string =>
    socket?.remaining == null
      ? '-'
      : remainingWords([
          Math.max(0, socket.remaining[0] - passed),
          Math.max(0, socket.remaining[1] - passed),
        ])
  return {
    kind: 'many',
    all: {
      kind: 'table',
      label: 'Sockets on the port',
      columns: ['state', 'local', 'remote', 'gone in', 'process'],
      rows: sockets.map((socket): Cell[] => {
        const {entry, holders} = socket
        return [
          entry.state,
          endWords(entry.local),
          entry.state === 'LISTEN' ? '-' : endWords(entry.remote),
          left(socket),
          holderParts(holders),
        ]
      }),
    },
    summary: {
      kind: 'table',
      label: 'Sockets on the port, by state',
      columns: ['state', 'sockets', 'first gone in', 'last gone in'],
      rows: [...byState(sockets)].map(([state, group]) => {
        const timed = group
          .filter(({remaining}) => remaining !== null)
          .sort((a, b) => (a.remaining?.[1] ?? 0) - (b.remaining?.[1] ?? 0))
        return [state, String(group.length), left(timed[0]), left(timed.at(-1))]
      }),
    },
  }
}
