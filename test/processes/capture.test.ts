import test from 'ava'
import {openPacketStore} from '../../harness/processes/capture.ts'

/** A TCP packet over IPv4 with so many bytes of data. */
function packet(from: number, to: number, data = 0) {
  const bytes = Buffer.alloc(54 + data)
  bytes.writeUInt16BE(0x0800, 12)
  bytes[14] = 0x45
  bytes.writeUInt16BE(40 + data, 16)
  bytes[23] = 6
  bytes.writeUInt16BE(from, 34)
  bytes.writeUInt16BE(to, 36)
  bytes[46] = 0x50
  return {at: 1, seconds: 1, nanoseconds: 2, length: bytes.length, bytes}
}

test('what is captured and not taken is limited, and what is left out is counted', (t) => {
  // A record of a file has 16 bytes more.
  const store = openPacketStore(3 * (54 + 16))
  for (let count = 0; count < 5; count++) store.add(packet(1, 2))
  t.is(store.crowdedOut(), 2)
  t.is(store.take().length, 3)
  store.add(packet(1, 2))
  t.is(store.take().length, 1, 'what was taken makes room')
  t.is(store.crowdedOut(), 2)
})

test('whoever asks gets the packets from and to its ports, and nobody gets them again', (t) => {
  const store = openPacketStore(10_000)
  for (const [from, to] of [
    [1, 2],
    [2, 1],
    [3, 4],
    [5, 1],
  ] as const) {
    store.add(packet(from, to))
  }
  const portsOf = (ports?: number[]) => store.take(ports).map((each) => each.ports)
  t.deepEqual(portsOf([1]), [
    [1, 2],
    [2, 1],
    [5, 1],
  ])
  t.deepEqual(portsOf([1]), [])
  t.deepEqual(portsOf(), [[3, 4]])
})

test('what is not TCP is not kept', (t) => {
  const store = openPacketStore(10_000)
  const udp = packet(1, 2)
  udp.bytes[23] = 17
  store.add(udp)
  t.deepEqual(store.take(), [])
})
