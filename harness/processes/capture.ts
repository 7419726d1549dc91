import {pcapRecord} from '../documents/pcap.ts'
import {parseTcpPacket} from '../platforms/tcp-packet.ts'
import {openNetworkNamespace, withNamespace} from '../sockets/network-namespace.ts'
import {openPacketSocket, type PacketSocket, type RawPacket} from '../sockets/packet-socket.ts'
import type {Handlers} from './protocol.ts'
import type {Play} from './role.ts'

/** What the kernel has room for lasts half a second of the heaviest traffic. */
const drainEveryMilliseconds = 10
/** Of one namespace, kept until somebody takes them. */
const mostKeptBytes = 16 * 1024 * 1024

interface Kept {
  /** Monotonic seconds. */
  at: number
  record: Buffer
  ports: readonly [number, number]
}

/** All captures of this process, which are drained in turn. */
const captures = new Set<() => void>()
let ticker: NodeJS.Timeout | undefined

function drainOften(drain: () => void): void {
  captures.add(drain)
  ticker ??= setInterval(() => {
    for (const each of captures) each()
  }, drainEveryMilliseconds)
}

function drainNoMore(drain: () => void): void {
  captures.delete(drain)
  if (captures.size > 0) return
  clearInterval(ticker)
  ticker = undefined
}

/** TCP packets that nobody has taken yet. */
export function openPacketStore(mostBytes: number) {
  let kept: Kept[] = []
  let keptBytes = 0
  let crowdedOut = 0
  return {
    add({at, ...packet}: RawPacket): void {
      const tcp = parseTcpPacket(packet.bytes)
      if (tcp === undefined) return
      const record = pcapRecord(packet)
      if (keptBytes + record.length > mostBytes) {
        crowdedOut++
        return
      }
      keptBytes += record.length
      kept.push({at, record, ports: [tcp.from.port, tcp.to.port]})
    },
    /** Those of these ports, or all; they are no longer kept. */
    take(ports?: readonly number[]): Kept[] {
      const wanted = new Set(ports)
      const isWanted = (each: Kept) =>
        ports === undefined || each.ports.some((port) => wanted.has(port))
      const taken = kept.filter(isWanted)
      kept = kept.filter((each) => !isWanted(each))
      keptBytes = kept.reduce((sum, {record}) => sum + record.length, 0)
      return taken
    },
    /** How many found no room. */
    crowdedOut: () => crowdedOut,
  }
}

/** Reads the TCP packets of a namespace that a host has made; nothing else is done with its rights. */
export function openCapture(): Play {
  let socket: PacketSocket | undefined
  const store = openPacketStore(mostKeptBytes)
  const drain = () => socket?.drain(store.add)

  const handlers = {
    async 'capture-packets'({host, fd}) {
      const namespace = openNetworkNamespace(host, fd)
      try {
        socket ??= withNamespace(namespace, openPacketSocket)
      } finally {
        namespace.close()
      }
      drainOften(drain)
      return null
    },

    async 'take-packets'({ports}) {
      drain()
      const taken = store.take(ports)
      return {
        records: Buffer.concat(taken.map(({record}) => record)).toString('base64'),
        moments: taken.map(({at}) => at),
        lost: store.crowdedOut() + (socket?.lost() ?? 0),
      }
    },
  } satisfies Handlers
  return {
    handlers,
    close() {
      drainNoMore(drain)
      socket?.close()
    },
  }
}
