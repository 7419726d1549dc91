import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import {
  foldGenerations,
  type GenerationEvent,
  type GenerationsState,
  noGenerations,
  type Seen,
} from './generations.ts'
import type {PortView} from './port-view.ts'
import type {ServingReader} from './serving.ts'

/** What the looks have shown of one client's connection. */
export interface Sighting {
  /** Whether accept(2) had given it to a process in any look: only then has it an inode (Linux). */
  accepted: boolean
  /** The last process that was seen to have it. */
  owner: Pick<Seen, 'pid' | 'started'> | undefined
}

/** Looks at a port again and again, and keeps what that has shown. */
export interface GenerationWatch {
  state(): GenerationsState
  /** By the client's local port. */
  sighting(localPort: number): Sighting | undefined
  /** Most listening sockets that were there at once. */
  mostListeners(): number
  /** Whether one and the same socket listened in every look: then there was no moment without a listener. */
  isSameListener(): boolean
  /** The listening sockets that clients reached in the last look, where the system shows which they are. */
  reached(): ReadonlySet<number>
  /** Sockets that nobody we may look into has had for a while. */
  unseen(): readonly SocketEntry[]
  cause(): void
  /** Resolved when so many looks have been begun and ended from now on. */
  looks(count: number): Promise<void>
  /** Rejected if a look fails. */
  failure: Promise<never>
  end(): Promise<void>
}

const lookEveryMilliseconds = 10
/** A process that has just closed its socket, or ended, is no longer seen to have it. */
const unseenSeconds = 0.5

export function openGenerationWatch({
  look,
  reader,
}: {
  look(): Promise<PortView>
  reader: ServingReader
}): GenerationWatch {
  let state = noGenerations
  let mostListeners = 0
  let constant: ReadonlySet<number> | undefined
  let reached: ReadonlySet<number> = new Set()
  let isOver = false
  const sightings = new Map<number, Sighting>()
  const unseenSince = new Map<string, number>()
  let unseen: readonly SocketEntry[] = []
  const waiting = new Set<{left: number; resolve(): void}>()
  const fold = (event: GenerationEvent) => {
    state = foldGenerations(state, event)
  }

  async function lookOnce(): Promise<void> {
    const from = monotonicSeconds()
    const view = await look()
    const {serving, unseen: nobodys, isAlive} = await reader.read(view)
    const to = monotonicSeconds()
    const listeners = [...view.listeners, ...view.listenersOnOtherAddresses]
    mostListeners = Math.max(mostListeners, listeners.length)
    reached = new Set(view.listeners.flatMap(({inode}) => inode ?? []))
    constant = new Set([...reached].filter((key) => constant?.has(key) ?? true))
    fold({event: 'look', from, to, serving, listeners: view.listeners.length})
    for (const {pid, started, ended} of state.seen.values()) {
      if (ended === undefined && !isAlive({pid, started})) {
        fold({event: 'ended', pid, started, at: to})
      }
    }
    for (const {endpoint, entry} of view.connections) {
      if (endpoint !== 'server') continue
      const known = sightings.get(entry.remote.port)
      const accepted = known?.accepted === true || entry.inode !== undefined
      sightings.set(entry.remote.port, {accepted, owner: known?.owner})
    }
    for (const {pid, started, clients} of serving) {
      for (const port of clients) sightings.set(port, {accepted: true, owner: {pid, started}})
    }
    noteUnseen(nobodys, to)
  }

  function noteUnseen(sockets: readonly SocketEntry[], at: number): void {
    const keys = new Set(sockets.map(({inode}) => `${inode}`))
    for (const key of unseenSince.keys()) if (!keys.has(key)) unseenSince.delete(key)
    for (const key of keys) if (!unseenSince.has(key)) unseenSince.set(key, at)
    unseen = sockets.filter(({inode}) => at - (unseenSince.get(`${inode}`) ?? at) > unseenSeconds)
  }

  async function run(): Promise<void> {
    while (!isOver) {
      const waitingNow = [...waiting]
      const began = monotonicSeconds()
      await lookOnce()
      for (const each of waitingNow) {
        each.left--
        if (each.left > 0) continue
        waiting.delete(each)
        each.resolve()
      }
      // With thousands of sockets a reading takes long; at most half of the time is spent on them.
      const took = (monotonicSeconds() - began) * 1000
      await delay(Math.max(lookEveryMilliseconds - took, took))
    }
  }

  const running = run()
  const failure = running.then(() => new Promise<never>(() => undefined))
  failure.catch(() => undefined)
  return {
    state: () => state,
    sighting: (localPort) => sightings.get(localPort),
    mostListeners: () => mostListeners,
    isSameListener: () => (constant?.size ?? 0) > 0,
    reached: () => reached,
    unseen: () => unseen,
    cause: () => fold({event: 'cause', at: monotonicSeconds()}),
    looks: (left) =>
      new Promise<void>((resolve) => {
        if (isOver) resolve()
        else waiting.add({left, resolve})
      }),
    failure,
    async end() {
      isOver = true
      await running.catch(() => undefined)
      for (const {resolve} of waiting) resolve()
    },
  }
}
