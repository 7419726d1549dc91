import test from 'ava'
import fc from 'fast-check'
import {parseTcpPacket} from '../../harness/platforms/tcp-packet.ts'

/** As an AF_PACKET socket on lo gave them: SYN, ACK; and six bytes of data. */
const synAck = Buffer.from(
  '00000000000000000000000008004500003c0000400040063cba7f0000017f0000012710cb2667442e8378b6056da012ffcbfe3000000204ffd70402080a4953a239bbaa68bd0103030a',
  'hex',
)
const data = Buffer.from(
  '00000000000000000000000008004500003a3d0d40004006ffae7f0000017f0000012710cb2667442e8478b6056d80180040fe2e00000101080a4953a23fbbaa68bd68656c6c6f0a',
  'hex',
)

/** The same from ::1 to ::1. */
function overIpv6(frame: Buffer): Buffer {
  const header = Buffer.alloc(54)
  header.writeUInt16BE(0x86dd, 12)
  header[14] = 0x60
  header.writeUInt16BE(frame.length - 34, 18)
  header[20] = 6
  header[37] = 1
  header[53] = 1
  return Buffer.concat([header, frame.subarray(34)])
}

test('a packet tells its ends, its flags, its numbers and how much data it carries', (t) => {
  t.deepEqual(parseTcpPacket(synAck), {
    from: {address: '127.0.0.1', port: 10_000},
    to: {address: '127.0.0.1', port: 52_006},
    flags: new Set(['SYN', 'ACK'] as const),
    sequence: 0x67442e83,
    acknowledges: 0x78b6056d,
    bytes: 0,
  })
  t.is(parseTcpPacket(data)?.bytes, 6)
  t.is(parseTcpPacket(overIpv6(data))?.bytes, 6)
  t.is(parseTcpPacket(overIpv6(synAck))?.from.port, 10_000)
})

test('of a packet that is cut off behind its header, the length of its data is still known', (t) => {
  t.is(parseTcpPacket(data.subarray(0, data.length - 6))?.bytes, 6)
})

test('a packet whose header is cut off anywhere is none', (t) => {
  for (const frame of [synAck, overIpv6(synAck)]) {
    const header = frame.length - 20
    for (let length = 0; length < header; length++) {
      t.is(parseTcpPacket(frame.subarray(0, length)), undefined, `${length} bytes`)
    }
  }
})

const hostile: [what: string, change: (frame: Buffer) => void][] = [
  ['UDP', (frame) => frame.writeUInt8(17, 23)],
  ['ARP', (frame) => frame.writeUInt16BE(0x0806, 12)],
  ['another version of IP', (frame) => frame.writeUInt8(0x65, 14)],
  ['an IP header that is shorter than any', (frame) => frame.writeUInt8(0x41, 14)],
  ['an IP header that is longer than the packet', (frame) => frame.writeUInt8(0x4f, 14)],
  ['a TCP header that is shorter than any', (frame) => frame.writeUInt8(0x10, 46)],
  ['a length that is less than its headers', (frame) => frame.writeUInt16BE(3, 16)],
  ['a later fragment', (frame) => frame.writeUInt16BE(0x0001, 20)],
]
for (const [what, change] of hostile) {
  test(`${what} is not a TCP packet`, (t) => {
    const frame = Buffer.from(synAck)
    change(frame)
    t.is(parseTcpPacket(frame), undefined)
  })
}

test('whatever bytes come are read or refused, and nothing is read beyond them', (t) => {
  const changes = fc.array(fc.tuple(fc.nat({max: synAck.length - 1}), fc.nat({max: 255})), {
    maxLength: 6,
  })
  fc.assert(
    fc.property(changes, fc.nat({max: synAck.length}), (changed, length) => {
      const frame = Buffer.from(synAck)
      for (const [at, value] of changed) frame[at] = value
      const packet = parseTcpPacket(frame.subarray(0, length))
      return packet === undefined || packet.bytes >= 0
    }),
    {numRuns: 2000},
  )
  t.pass()
})
