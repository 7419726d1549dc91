import type {TcpFlag, TcpPacket} from './tcp-packet.ts'
import type {TcpState} from './tcp-states.ts'

/** The server's end is the one with the port in question. */
export type End = 'server' | 'client'

/** A packet of that port, in its place among the others. */
export interface Segment extends Pick<TcpPacket, 'flags' | 'sequence' | 'acknowledges' | 'bytes'> {
  from: End
  /** Which pair of addresses and ports, in the order of appearance, from 1. */
  connection: number
  /** Which connection between the same two, from 1: another SYN begins another one. */
  life: number
  /** The same was sent before. */
  sentAgain: boolean
  /** It did not arrive. */
  dropped: boolean
  /** To which state it leads each end, by RFC 9293. */
  states: Partial<Record<End, TcpState>>
}

interface Life {
  number: number
  /** The sequence number of the SYN that began it. */
  began: number
  ends: Record<End, EndOfLife>
}

interface EndOfLife {
  state: TcpState | undefined
  /** The sequence number behind all that was sent. */
  next: number | undefined
  /** The one behind its FIN. */
  behindFin?: number
}

/** What went to and from a port, in the order in which it was captured. */
export function segmentsOf(
  packets: readonly (TcpPacket & {dropped: boolean})[],
  port: number,
): Segment[] {
  const connections = new Map<string, {number: number; life: Life | undefined}>()
  return packets.flatMap((packet) => {
    const {from, to, flags, sequence} = packet
    if (from.port !== port && to.port !== port) return []
    const end: End = from.port === port ? 'server' : 'client'
    const [own, other] = end === 'server' ? [from, to] : [to, from]
    const key = `${own.address} ${other.address} ${other.port}`
    const connection = connections.get(key) ?? {number: connections.size + 1, life: undefined}
    connections.set(key, connection)
    const begins = has(flags, 'SYN') && !has(flags, 'ACK')
    if (connection.life === undefined || (begins && connection.life.began !== sequence)) {
      connection.life = newLife((connection.life?.number ?? 0) + 1, sequence)
    }
    const {life} = connection
    const sentAgain = wasSent(life.ends[end], packet)
    return [
      {
        ...{from: end, connection: connection.number, life: life.number, sentAgain},
        ...{flags, sequence, acknowledges: packet.acknowledges, bytes: packet.bytes},
        dropped: packet.dropped,
        states: statesAfter(life, end, packet),
      },
    ]
  })
}

function newLife(number: number, began: number): Life {
  const end = (): EndOfLife => ({state: undefined, next: undefined})
  return {number, began, ends: {server: end(), client: end()}}
}

function has(flags: ReadonlySet<TcpFlag>, flag: TcpFlag): boolean {
  return flags.has(flag)
}

/** Numbers wrap around (RFC 9293, section 3.4). */
function isBeyond(one: number, other: number): boolean {
  return ((one - other) | 0) > 0
}

/** Whether all of it was sent before; what takes no place in the sequence, as a bare ACK, never was. */
function wasSent(end: EndOfLife, {flags, sequence, bytes}: TcpPacket): boolean {
  const length = bytes + (has(flags, 'SYN') ? 1 : 0) + (has(flags, 'FIN') ? 1 : 0)
  if (length === 0 || has(flags, 'RST')) return false
  const behind = (sequence + length) >>> 0
  const sent = end.next !== undefined && !isBeyond(behind, end.next)
  if (!sent) end.next = behind
  if (has(flags, 'FIN')) end.behindFin = behind
  return sent
}

/** RFC 9293, section 3.10: what sending it does to the one end, and receiving it to the other. */
function statesAfter(life: Life, from: End, packet: TcpPacket & {dropped: boolean}) {
  const to: End = from === 'server' ? 'client' : 'server'
  const states: Segment['states'] = {}
  const become = (end: End, state: TcpState | undefined) => {
    if (state === undefined || state === life.ends[end].state) return
    life.ends[end].state = state
    states[end] = state
  }
  become(from, afterSending(life.ends[from], packet))
  if (!packet.dropped) become(to, afterReceiving(life.ends[to], packet))
  return states
}

function afterSending({state}: EndOfLife, {flags}: TcpPacket): TcpState | undefined {
  if (has(flags, 'RST')) return state === undefined ? undefined : 'CLOSED'
  if (has(flags, 'SYN') && state === undefined) return has(flags, 'ACK') ? 'SYN_RECV' : 'SYN_SENT'
  if (!has(flags, 'FIN')) return undefined
  if (state === 'ESTABLISHED' || state === 'SYN_RECV') return 'FIN_WAIT1'
  return state === 'CLOSE_WAIT' ? 'LAST_ACK' : undefined
}

function afterReceiving(
  {state, behindFin}: EndOfLife,
  {flags, acknowledges}: TcpPacket,
): TcpState | undefined {
  // Some systems end TIME_WAIT then and others do not (RFC 1337): nothing follows.
  if (has(flags, 'RST')) {
    return state === undefined || state === 'TIME_WAIT' ? undefined : 'CLOSED'
  }
  if (state === 'SYN_SENT') {
    return has(flags, 'SYN') && has(flags, 'ACK') ? 'ESTABLISHED' : undefined
  }
  const isFin = has(flags, 'FIN')
  const acksFin = behindFin !== undefined && has(flags, 'ACK') && acknowledges === behindFin
  switch (state) {
    case 'SYN_RECV':
      return has(flags, 'ACK') && !has(flags, 'SYN')
        ? isFin
          ? 'CLOSE_WAIT'
          : 'ESTABLISHED'
        : undefined
    case 'ESTABLISHED':
      return isFin ? 'CLOSE_WAIT' : undefined
    case 'FIN_WAIT1':
      return isFin ? (acksFin ? 'TIME_WAIT' : 'CLOSING') : acksFin ? 'FIN_WAIT2' : undefined
    case 'FIN_WAIT2':
      return isFin ? 'TIME_WAIT' : undefined
    case 'CLOSING':
      return acksFin ? 'TIME_WAIT' : undefined
    case 'LAST_ACK':
      return acksFin ? 'CLOSED' : undefined
    default:
      return undefined
  }
}
