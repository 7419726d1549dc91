import {monotonicSeconds} from '../clock.ts'
import type {Platform} from '../platforms/platform.ts'
import {findHolders} from '../platforms/proc-processes.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import {type ProcessEntry, readProcesses} from '../processes/process-table.ts'
import type {Serving} from './generations.ts'
import {holdersOfEach, type PortView} from './port-view.ts'

/** Who serves, by one reading of the socket table. */
export interface ServingRead {
  serving: Serving[]
  /** Sockets that some process has, and none that we may look into. */
  unseen: SocketEntry[]
  isAlive(process: Pick<Serving, 'pid' | 'started'>): boolean
}

export interface ServingReader {
  read(view: PortView): Promise<ServingRead>
}

/** Looking into all processes takes some 15 ms; who is known, and who is new, is looked into each time. */
const allEverySeconds = 0.25
/** The same where a socket is seen that nobody of those has. */
const searchEverySeconds = 0.05
/** A process that has just begun may get the sockets a moment later. */
const newForLooks = 20

/** Finds out which processes have the sockets of a port, often and cheaply. */
export function openServingReader(
  platform: Platform,
  port: number,
  proc = process.platform === 'linux',
): ServingReader {
  const find = proc ? openProcFinder() : undefined
  return {
    async read({listeners, listenersOnOtherAddresses, connections}) {
      const listening = [...listeners, ...listenersOnOtherAddresses]
      const accepted = connections.flatMap(({endpoint, entry}) =>
        endpoint === 'server' && entry.inode !== undefined ? [entry] : [],
      )
      const sockets = [...listening, ...accepted]
      const table = byPid(readProcesses())
      const holders =
        find === undefined ? await holdersOfEach(platform, port, sockets) : find(sockets, table)
      return servingOf(sockets, holders, table)
    },
  }
}

/** Who has which inode, from /proc. */
function openProcFinder() {
  const looks = new Map<string, number>()
  let owners = new Set<string>()
  let allAt = Number.NEGATIVE_INFINITY

  return (
    sockets: readonly SocketEntry[],
    table: ReadonlyMap<number, ProcessEntry>,
  ): Holder[][] => {
    const now = monotonicSeconds()
    const inodes = new Set(sockets.flatMap(({inode}) => inode ?? []))
    const living = new Set<string>()
    const near: number[] = []
    for (const entry of table.values()) {
      const key = identityOf(entry)
      living.add(key)
      const times = (looks.get(key) ?? 0) + 1
      looks.set(key, times)
      if (owners.has(key) || times <= newForLooks) near.push(entry.pid)
    }
    for (const key of looks.keys()) if (!living.has(key)) looks.delete(key)
    let {byInode} = findHolders(inodes, near)
    const isMissing = [...inodes].some((inode) => !byInode.has(inode))
    if (now - allAt > (isMissing ? searchEverySeconds : allEverySeconds)) {
      allAt = now
      byInode = findHolders(inodes).byInode
    }
    const pids = new Set([...byInode.values()].flat().map(({pid}) => pid))
    for (const pid of pids) {
      const entry = table.get(pid)
      if (entry !== undefined) owners.add(identityOf(entry))
    }
    owners = new Set([...owners].filter((key) => living.has(key)))
    return sockets.map(({inode}) => (inode === undefined ? [] : (byInode.get(inode) ?? [])))
  }
}

function servingOf(
  sockets: readonly SocketEntry[],
  holders: readonly Holder[][],
  table: ReadonlyMap<number, ProcessEntry>,
): ServingRead {
  const serving = new Map<number, Serving & {clients: number[]; sockets: number[]}>()
  const unseen: SocketEntry[] = []
  for (const [index, socket] of sockets.entries()) {
    const having = holders[index] ?? []
    if (having.length === 0) unseen.push(socket)
    for (const {pid, command} of having) {
      // It may have begun, or ended, between the readings.
      const entry = table.get(pid)
      if (entry === undefined) continue
      const known = serving.get(pid) ?? {
        ...{pid, started: entry.started, parent: entry.parent, command, listens: false},
        ...{sockets: [], clients: []},
      }
      serving.set(pid, known)
      if (socket.state === 'LISTEN') {
        known.listens = true
        if (socket.inode !== undefined) known.sockets.push(socket.inode)
      } else known.clients.push(socket.remote.port)
    }
  }
  const isAlive = ({pid, started}: Pick<Serving, 'pid' | 'started'>) =>
    table.get(pid)?.started === started
  return {serving: [...serving.values()], unseen, isAlive}
}

function byPid(processes: readonly ProcessEntry[]): Map<number, ProcessEntry> {
  return new Map(processes.filter(({zombie}) => !zombie).map((process) => [process.pid, process]))
}

function identityOf({pid, started}: Pick<ProcessEntry, 'pid' | 'started'>): string {
  return `${pid} ${started}`
}
