import {pcapHeader, pcapRecords} from '../documents/pcap.ts'
import type {LadderRow, ReportedPackets} from '../documents/report-schema.ts'
import {predicateOf} from '../namespaces/packet-filter.ts'
import type {DropPeriod, TakenPackets} from '../namespaces/surroundings.ts'
import {type Segment, segmentsOf} from '../platforms/tcp-exchange.ts'
import {parseTcpPacket, type TcpPacket} from '../platforms/tcp-packet.ts'
import {type WireClaimId, wireClaims} from '../platforms/wire-claims.ts'
import {mostPacketBytes} from '../sockets/packet-socket.ts'
import type {PlayOptions} from './play.ts'

/** Of a ladder that is too long, so many of the first rows and of the last ones are kept. */
const [firstRows, lastRows] = [40, 20]

type TimedPacket = TcpPacket & {at: number; dropped: boolean}

/** Records what went over the wire up to now, where it is captured, and has all of it written to a file. */
export async function recordPackets(
  {scenario, context, namespace, blank, recording}: PlayOptions,
  port: number,
): Promise<void> {
  if (namespace?.takePackets === undefined) return
  try {
    const taken = await namespace.takePackets()
    const packets = reportedPackets(taken, port, recording.origin, scenario.wire ?? [])
    // The result's own fields are those of the first time that it is played.
    const file = context.repetition === 1 ? pcapName(blank.scenario) : undefined
    if (file !== undefined) {
      const whole = Buffer.concat([pcapHeader(mostPacketBytes), taken.records])
      await context.capture?.save(file, whole)
    }
    recording.append({event: 'packets', ...(file === undefined ? {} : {file}), ...packets})
  } catch (error) {
    const {message} = error as Error
    recording.append({event: 'warning', message: `its packets were not captured: ${message}`})
  }
}

/** No id holds a plus sign. */
function pcapName(id: string): string {
  return `${id.replaceAll('/', '+')}.pcap`
}

/** @param origin monotonic seconds at which the run began */
export function reportedPackets(
  {records, moments, lost, filter}: TakenPackets,
  port: number,
  origin: number,
  claims: readonly WireClaimId[],
): ReportedPackets {
  const packets = pcapRecords(records).flatMap(({bytes}, index) => {
    const packet = parseTcpPacket(bytes)
    return packet === undefined ? [] : [{...packet, at: moments[index] ?? origin, dropped: false}]
  })
  for (const period of filter?.periods ?? []) markDropped(packets, period)
  const ofPort = packets.filter(({from, to}) => from.port === port || to.port === port)
  const segments = segmentsOf(ofPort, port)
  const rows = segments.map((segment, index) => rowOf(segment, (ofPort[index]?.at ?? 0) - origin))
  const isLong = rows.length > firstRows + lastRows
  return {
    count: rows.length,
    whole: lost === 0,
    ...(filter === undefined ? {} : {droppedByFilter: filter.dropped}),
    ladder: isLong ? [...rows.slice(0, firstRows), ...rows.slice(-lastRows)] : rows,
    ...(isLong ? {leftOutAfter: firstRows} : {}),
    claims: claims.map((claim) => {
      const {says, holds} = wireClaims[claim]
      return {claim, says, holds: holds(segments) ?? null}
    }),
  }
}

/** Those that came while the rules were certainly in force; the others are left, and the filter's counter tells. */
function markDropped(packets: TimedPacket[], {what, port, since, until}: DropPeriod): void {
  const isDropped = predicateOf(what, port)
  for (const packet of packets) {
    if (packet.at > since.to && packet.at < (until?.from ?? Number.POSITIVE_INFINITY)) {
      packet.dropped = isDropped(packet)
    }
  }
}

function rowOf({from, flags, bytes, connection, ...segment}: Segment, seconds: number): LadderRow {
  return {
    // To the microsecond.
    seconds: Math.max(0, Math.round(seconds * 1e6) / 1e6),
    from,
    flags: [...flags],
    ...(bytes === 0 ? {} : {bytes}),
    connection,
    ...(segment.sentAgain ? {sentAgain: true} : {}),
    ...(segment.dropped ? {dropped: true} : {}),
    ...segment.states,
  }
}
