import {monotonicSeconds} from '../clock.ts'
import {cInts, writeCShort} from './c-numbers.ts'
import {libc} from './libc.ts'
import {inNamespace} from './network-namespace.ts'
import {systemError} from './system-error.ts'

/**
 * include/uapi/linux/if_packet.h and if_ether.h, linux/socket.h, asm-generic/mman-common.h, linux/time.h; packet(7) and
 * Documentation/networking/packet_mmap.rst.
 */
const AF_PACKET = 17
const SOCK_RAW = 3
const SOL_PACKET = 263
const PACKET_RX_RING = 5
const PACKET_STATISTICS = 6
const PACKET_VERSION = 10
const PACKET_IGNORE_OUTGOING = 23
const TPACKET_V2 = 1
const TP_STATUS_KERNEL = 0
const TP_STATUS_USER = 1
const ETH_P_ALL = 3
const PROT_READ_WRITE = 3
const MAP_SHARED = 1
const CLOCK_REALTIME = 0
/** A new namespace has one interface at first: lo. */
const loopback = 1

/** A frame holds any packet of ours, and of a longer one as much as is of interest. */
const frameBytes = 512
/** Of 8,000 packets a second, which is the most that a scenario makes, those of half a second. */
const frames = 4096
const ringBytes = frameBytes * frames
const blockBytes = 65_536

/** Most bytes of a packet that are kept; a frame begins with struct tpacket2_hdr and struct sockaddr_ll. */
export const mostPacketBytes = frameBytes - 66

export interface RawPacket {
  /** Monotonic seconds. */
  at: number
  /** By the wall clock. */
  seconds: number
  nanoseconds: number
  /** As it was sent; `bytes` has the beginning of it. */
  length: number
  /** From the Ethernet header on. Only until the next packet. */
  bytes: Buffer
}

/** Every packet that arrives on a namespace's loopback interface, and so every one that is sent there. */
export interface PacketSocket {
  /** Passes on what has arrived since the last time. */
  drain(onPacket: (packet: RawPacket) => void): void
  /** How many packets found no room, up to now. */
  lost(): number
  close(): void
}

/**
 * Linux only. The packets come through memory that is shared with the kernel: no system call for each.
 * @throws SystemError of the call that failed: `socket` (EPERM without CAP_NET_RAW), `setsockopt`, `bind` or `mmap`
 */
export function openPacketSocket(): PacketSocket {
  const c = libc()
  const fd = inNamespace(() => c.socket(AF_PACKET, SOCK_RAW | c.constants.SOCK_CLOEXEC, 0))
  if (fd < 0) throw systemError('socket', c.errno())
  try {
    // The outgoing ones would come a second time (Linux 4.20).
    setOption(fd, PACKET_IGNORE_OUTGOING, [1])
    setOption(fd, PACKET_VERSION, [TPACKET_V2])
    setOption(fd, PACKET_RX_RING, [blockBytes, ringBytes / blockBytes, frameBytes, frames])
    const at = c.mmap(null, ringBytes, PROT_READ_WRITE, MAP_SHARED, fd, 0)
    if (at === 0xffff_ffff_ffff_ffffn) throw systemError('mmap', c.errno())
    const address = loopbackAddress()
    if (c.bind(fd, address, address.length) < 0) throw systemError('bind', c.errno())
    return opened(fd, at)
  } catch (error) {
    c.close(fd)
    throw error
  }
}

function opened(fd: number, at: bigint): PacketSocket {
  const c = libc()
  const memory = c.view(at, ringBytes)
  const words = new Uint32Array(memory)
  let next = 0
  let lost = 0
  let isOpen = true
  let drainedAt = monotonicSeconds()
  return {
    drain(onPacket) {
      if (!isOpen) return
      const began = monotonicSeconds()
      const isReady = () => (Atomics.load(words, (next * frameBytes) / 4) & TP_STATUS_USER) !== 0
      const ahead = isReady() ? wallClockAhead() : 0
      for (let taken = 0; taken < frames && isReady(); taken++) {
        const packet = packetAt(memory, next * frameBytes)
        // A wall clock that was set meanwhile does not take a packet out of the time in which it came.
        const moment = packet.seconds - ahead + packet.nanoseconds / 1e9
        onPacket({...packet, at: Math.min(Math.max(moment, drainedAt), monotonicSeconds())})
        Atomics.store(words, (next * frameBytes) / 4, TP_STATUS_KERNEL)
        next = (next + 1) % frames
      }
      drainedAt = began
    },
    lost() {
      // Asking sets it back to 0.
      if (isOpen) lost += readDrops(fd)
      return lost
    },
    close() {
      if (!isOpen) return
      isOpen = false
      c.munmap(at, ringBytes)
      c.close(fd)
    },
  }
}

/** struct tpacket2_hdr: status, len, snaplen, mac, net, sec, nsec. */
function packetAt(memory: ArrayBuffer, frame: number): Omit<RawPacket, 'at'> {
  const [, length = 0, kept = 0] = new Uint32Array(memory, frame, 3)
  const [start = 0] = new Uint16Array(memory, frame + 12, 1)
  const [seconds = 0, nanoseconds = 0] = new Uint32Array(memory, frame + 16, 2)
  const bytes = Buffer.from(memory, frame + start, Math.min(kept, frameBytes - start))
  return {length, bytes, seconds, nanoseconds}
}

/** By how many seconds the wall clock is ahead of the monotonic one, by the narrowest of a few readings of both. */
function wallClockAhead(): number {
  const c = libc()
  const time = new BigInt64Array(2)
  const readings = [1, 2, 3].map(() => {
    const from = monotonicSeconds()
    if (c.clock_gettime(CLOCK_REALTIME, Buffer.from(time.buffer)) < 0) {
      throw systemError('clock_gettime', c.errno())
    }
    const to = monotonicSeconds()
    const [seconds = 0n, nanoseconds = 0n] = time
    return {
      took: to - from,
      ahead: Number(seconds) + Number(nanoseconds) / 1e9 - (from + to) / 2,
    }
  })
  return readings.reduce((best, each) => (each.took < best.took ? each : best)).ahead
}

/** struct tpacket_stats: packets, drops. */
function readDrops(fd: number): number {
  const c = libc()
  const counts = new Uint32Array(2)
  const answer = Buffer.from(counts.buffer)
  if (c.getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, answer, cInts([answer.length])) < 0) {
    throw systemError('getsockopt', c.errno())
  }
  return counts[1] ?? 0
}

function setOption(fd: number, option: number, values: number[]): void {
  const c = libc()
  const value = cInts(values)
  if (c.setsockopt(fd, SOL_PACKET, option, value, value.length) < 0) {
    throw systemError('setsockopt', c.errno())
  }
}

/** struct sockaddr_ll. */
function loopbackAddress(): Buffer {
  const address = Buffer.alloc(20)
  writeCShort(address, AF_PACKET, 0)
  address.writeUInt16BE(ETH_P_ALL, 2)
  address.set(cInts([loopback]), 4)
  return address
}
