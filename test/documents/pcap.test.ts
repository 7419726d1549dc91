import test from 'ava'
import {pcapHeader, pcapRecord, pcapRecords} from '../../harness/documents/pcap.ts'

const packets = [
  {seconds: 1_795_769_130, nanoseconds: 179_760_913, length: 74, bytes: Buffer.from('abc')},
  {seconds: 1_795_769_131, nanoseconds: 0, length: 3, bytes: Buffer.from('xyz')},
]

test('a file is a header of 24 bytes, and 16 bytes and what is kept of it for each packet', (t) => {
  const header = pcapHeader(446)
  t.is(header.toString('hex'), '4d3cb2a1020004000000000000000000be01000001000000')
  const [first] = packets.map(pcapRecord)
  t.is(first?.toString('hex'), '2a43096b' + '11efb60a' + '03000000' + '4a000000' + '616263')
})

test('what is written is read back', (t) => {
  const read = pcapRecords(Buffer.concat(packets.map(pcapRecord)))
  t.deepEqual(
    read.map((packet) => ({...packet, bytes: Buffer.from(packet.bytes)})),
    packets,
  )
})

test('a file that breaks off is read up to its last whole packet', (t) => {
  const file = Buffer.concat(packets.map(pcapRecord))
  for (let length = 0; length < file.length; length++) {
    t.is(pcapRecords(file.subarray(0, length)).length, length < 19 ? 0 : 1, `${length} bytes`)
  }
})

test('a packet that claims to be longer than the file ends it', (t) => {
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = packets.map(pcapRecord)
  second.writeUInt32LE(0xffff_ffff, 8)
  t.is(pcapRecords(Buffer.concat([first, second])).length, 1)
})
