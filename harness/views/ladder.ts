import type {LadderRow, ReportedPackets, Result} from '../documents/report-schema.ts'
import {greatestOf} from '../extremes.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import type {Block} from '../render/model.ts'
import {renderLadder} from './html/ladder.ts'

type Endpoint = LadderRow['from']
const ends = ['server', 'client'] as const

/** A state of one end, beside the packet that led to it or where the socket table was read. */
export interface StateBeside {
  state: TcpState
  /** False for one that follows from the packet by RFC 9293, and that the socket table was not seen to show. */
  seen: boolean
}

/** A rung of the ladder, or what lies between two. */
export type Rung =
  | ({
      kind: 'packet'
      /** Since the first packet. */
      seconds: number
      from: Endpoint
      /** `SYN, ACK #2`: its flags, its data, and which connection it is of where there are several. */
      words: string
      dropped: boolean
    } & Beside)
  | ({kind: 'state'; seconds: number} & Beside)
  | {kind: 'left-out'; packets: number}

type Beside = Partial<Record<Endpoint, StateBeside>>

export interface Ladder {
  rungs: readonly Rung[]
  notes: string
}

/** With more connections nobody could tell which state belongs to which. */
const mostConnectionsWithStates = 3
/** Rebind itself writes fewer. */
const mostRows = 100

/** The packets of a port, with the states of both ends beside them. */
export function ladderOf({packets, timeline}: Result): Ladder | undefined {
  if (packets === undefined) return undefined
  const {leftOutAfter, count} = packets
  const ladder = packets.ladder.slice(0, mostRows)
  const [first] = ladder
  if (first === undefined) return undefined
  const connections = new Set(ladder.map(({connection}) => connection)).size
  const hasStates = connections <= mostConnectionsWithStates && leftOutAfter === undefined
  const sampled = hasStates ? timeline.filter(({socket}) => socket === 'connection') : []
  const seen = new Set(
    sampled.map(({connection, endpoint, state}) => `${connection} ${endpoint} ${state}`),
  )
  const told = new Set<string>()
  const beside = (row: LadderRow): Beside => {
    const states: Beside = {}
    for (const endpoint of ends) {
      const state = row[endpoint]
      if (state === undefined || !hasStates) continue
      const key = `${row.connection} ${endpoint} ${state}`
      told.add(key)
      states[endpoint] = {state, seen: seen.has(key)}
    }
    return states
  }
  const rungs = ladder.map(
    (row): Rung => ({
      kind: 'packet',
      seconds: row.seconds - first.seconds,
      from: row.from,
      words: wordsOf(row, connections > 1),
      dropped: row.dropped === true,
      ...beside(row),
    }),
  )
  // What no packet led to, as the end of a timer.
  const others = sampled.flatMap(({seconds, connection, endpoint, state}): Rung[] => {
    const key = `${connection} ${endpoint} ${state}`
    if (told.has(key)) return []
    told.add(key)
    return [{kind: 'state', seconds: seconds - first.seconds, [endpoint]: {state, seen: true}}]
  })
  return {
    rungs: leftOutAfter === undefined ? inOrder(rungs, others) : cut(rungs, leftOutAfter, count),
    notes: notesOf(packets, rungs),
  }
}

function inOrder(packets: readonly Rung[], states: readonly Rung[]): Rung[] {
  const moment = (rung: Rung) => ('seconds' in rung ? rung.seconds : 0)
  return [...packets, ...states].sort((a, b) => moment(a) - moment(b))
}

function cut(rungs: readonly Rung[], after: number, count: number): Rung[] {
  const leftOut: Rung = {kind: 'left-out', packets: count - rungs.length}
  return [...rungs.slice(0, after), leftOut, ...rungs.slice(after)]
}

/** `FIN, ACK again`, `ACK, 86 bytes`. */
function wordsOf({flags, bytes, sentAgain, connection}: LadderRow, several: boolean): string {
  const order = ['SYN', 'FIN', 'RST', 'ACK'] as const
  const said = [
    ...order.filter((flag) => flags.includes(flag)),
    ...(bytes ? [`${bytes} bytes`] : []),
  ]
  return [
    said.join(', '),
    ...(sentAgain ? ['again'] : []),
    ...(several ? [`#${connection}`] : []),
  ].join(' ')
}

function notesOf({whole, droppedByFilter, ladder, claims, file}: ReportedPackets, rungs: Rung[]) {
  const inferred = rungs.some(
    (rung) =>
      rung.kind !== 'left-out' && (rung.server?.seen === false || rung.client?.seen === false),
  )
  const marked = ladder.filter(({dropped}) => dropped).length
  return [
    'Seconds since the first packet.',
    ...(inferred
      ? [
          'In parentheses: not seen in the socket table, but RFC 9293 has it follow from the packet.',
        ]
      : []),
    ...(marked > 0 ? ['X: dropped by the packet filter.'] : []),
    ...(droppedByFilter !== undefined && droppedByFilter !== marked
      ? [
          `The filter's counter says that it dropped ${droppedByFilter} packets; ${marked} are marked.`,
        ]
      : []),
    ...(whole ? [] : ['Some packets could not be captured, so nothing is judged by them.']),
    ...claimWords.flatMap(([words, outcome]) => {
      const said = claims.flatMap(({says, holds}) => (holds === outcome ? says : []))
      return said.length === 0 ? [] : [`${words}: ${said.join('; ')}.`]
    }),
    ...(file === undefined ? [] : [`All packets: ${file}.`]),
  ].join(' ')
}

const claimWords: readonly [words: string, holds: boolean | null][] = [
  ['As expected', true],
  ['Expected, but not so', false],
  ['Expected, but not seen', null],
]

const arrowCharacters = 26
const stateCharacters = 13

/** As a figure: drawn, and as plain text. */
export function ladderFigure(result: Result): Block[] {
  const ladder = ladderOf(result)
  if (ladder === undefined) return []
  return [
    {
      kind: 'figure',
      picture: () => renderLadder(ladder),
      lines: {rows: ladderLines(ladder.rungs), note: ladder.notes},
    },
  ]
}

function ladderLines(rungs: readonly Rung[]): [label: string, words: string][] {
  const lines: [label: string, words: string][] = [
    ['seconds', `${'server'.padStart(stateCharacters)} ${' '.repeat(arrowCharacters)} client`],
    ...rungs.map(lineOf),
  ]
  const widest = greatestOf(lines.map(([label]) => label.length))
  return lines.map(([label, words]) => [label.padStart(widest), words])
}

function lineOf(rung: Rung): [label: string, words: string] {
  if (rung.kind === 'left-out') return ['', `... ${rung.packets} packets are left out here ...`]
  const arrow = rung.kind === 'packet' ? arrowOf(rung) : ' '.repeat(arrowCharacters)
  const server = stateWords(rung.server).padStart(stateCharacters)
  return [rung.seconds.toFixed(6), `${server} ${arrow} ${stateWords(rung.client)}`.trimEnd()]
}

/** `-- SYN, ACK ------------->`; with an X for a point where the packet was dropped. */
function arrowOf({from, words, dropped}: Extract<Rung, {kind: 'packet'}>): string {
  const point = dropped ? 'X' : from === 'server' ? '>' : '<'
  const line = `-- ${words} `.padEnd(arrowCharacters - 1, '-')
  return from === 'server' ? `${line}${point}` : `${point}${line}`
}

export function stateWords(beside: StateBeside | undefined): string {
  if (beside === undefined) return ''
  return beside.seen ? beside.state : `(${beside.state})`
}
