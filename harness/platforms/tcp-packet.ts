/** RFC 9293, section 3.1; RFC 791; RFC 8200; and the Ethernet header that a loopback interface puts before them. */
const ethernetBytes = 14
const ipv4 = 0x0800
const ipv6 = 0x86dd
const tcp = 6
const ipv4LeastBytes = 20
const ipv6Bytes = 40
const tcpLeastBytes = 20

export const tcpFlags = ['FIN', 'SYN', 'RST', 'ACK'] as const
export type TcpFlag = (typeof tcpFlags)[number]
/** In the byte of the flags. */
const flagBits: Record<TcpFlag, number> = {FIN: 0x01, SYN: 0x02, RST: 0x04, ACK: 0x10}

export interface TcpPacket {
  from: {address: string; port: number}
  to: {address: string; port: number}
  flags: ReadonlySet<TcpFlag>
  sequence: number
  /** The next byte that is expected; 0 without ACK. */
  acknowledges: number
  /** How many bytes of data it carries. */
  bytes: number
}

/**
 * A packet as an AF_PACKET socket gives it. It may be cut off behind TCP's header, or be anything at all.
 * @returns undefined for what is not a whole TCP header
 */
export function parseTcpPacket(frame: Uint8Array): TcpPacket | undefined {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length)
  if (bytes.length < ethernetBytes) return undefined
  const inner = bytes.subarray(ethernetBytes)
  const kind = bytes.readUInt16BE(12)
  const ip = kind === ipv4 ? parseIpv4(inner) : kind === ipv6 ? parseIpv6(inner) : undefined
  if (ip === undefined || inner.length < ip.headerBytes + tcpLeastBytes) return undefined
  const segment = inner.subarray(ip.headerBytes)
  const headerBytes = ((segment[12] ?? 0) >> 4) * 4
  const data = ip.length - ip.headerBytes - headerBytes
  if (headerBytes < tcpLeastBytes || data < 0) return undefined
  const bits = segment[13] ?? 0
  return {
    from: {address: ip.from, port: segment.readUInt16BE(0)},
    to: {address: ip.to, port: segment.readUInt16BE(2)},
    flags: new Set(tcpFlags.filter((flag) => (bits & flagBits[flag]) !== 0)),
    sequence: segment.readUInt32BE(4),
    acknowledges: (bits & flagBits.ACK) === 0 ? 0 : segment.readUInt32BE(8),
    bytes: data,
  }
}

interface IpHeader {
  from: string
  to: string
  headerBytes: number
  /** Of the whole packet. */
  length: number
}

function parseIpv4(packet: Buffer): IpHeader | undefined {
  if (packet.length < ipv4LeastBytes || packet[9] !== tcp) return undefined
  const first = packet[0] ?? 0
  const headerBytes = (first & 0x0f) * 4
  if (first >> 4 !== 4 || headerBytes < ipv4LeastBytes) return undefined
  // Another fragment than the first has no TCP header.
  if ((packet.readUInt16BE(6) & 0x1fff) !== 0) return undefined
  return {
    from: packet.subarray(12, 16).join('.'),
    to: packet.subarray(16, 20).join('.'),
    headerBytes,
    length: packet.readUInt16BE(2),
  }
}

function parseIpv6(packet: Buffer): IpHeader | undefined {
  if (packet.length < ipv6Bytes || packet[6] !== tcp || (packet[0] ?? 0) >> 4 !== 6) {
    return undefined
  }
  return {
    from: packet.toString('hex', 8, 24),
    to: packet.toString('hex', 24, 40),
    headerBytes: ipv6Bytes,
    length: ipv6Bytes + packet.readUInt16BE(4),
  }
}
