import {monotonicSeconds} from '../clock.ts'
import type {ResidueEntry, TimelineEntry} from '../documents/report-schema.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'

/** A socket of the scenario's port, as the OS's table shows it. */
export interface SeenSocket {
  endpoint: 'server' | 'client'
  socket: 'listener' | 'connection'
  entry: SocketEntry
}

/** A timeline entry whose `seconds` are still monotonic: when the table that first showed it was read. */
export type StateChange = TimelineEntry

/** The sockets of a port: those bound to it are the server's, those connected to it the client's. */
export function socketsOfPort(table: SocketEntry[], port: number): SeenSocket[] {
  const seen: SeenSocket[] = []
  for (const entry of table) {
    if (entry.local.port === port) {
      const socket = entry.state === 'LISTEN' ? 'listener' : 'connection'
      seen.push({endpoint: 'server', socket, entry})
    } else if (entry.remote.port === port) {
      seen.push({endpoint: 'client', socket: 'connection', entry})
    }
  }
  return seen
}

/** Counts the sockets by endpoint and state, in the order in which they were seen. */
export function residueOf(sockets: SeenSocket[]): ResidueEntry[] {
  const counted = new Map<string, ResidueEntry>()
  for (const {endpoint, entry} of sockets) {
    const key = `${endpoint} ${entry.state}`
    const known = counted.get(key)
    if (known === undefined) counted.set(key, {endpoint, state: entry.state, count: 1})
    else known.count++
  }
  return [...counted.values()].sort((a, b) => b.endpoint.localeCompare(a.endpoint))
}

/** Timers are shown in hundredths of a second, and end with a tick of the kernel's clock. */
const timerToleranceSeconds = 0.05

/**
 * Follows the sockets of one port from reading to reading and reports each change of state, and each timer
 * that restarts in the same state: neither does the time left of one grow otherwise, nor is its end put off.
 *
 * The function that it gives takes the table, and when that was asked for.
 */
export function observePort(port: number, onChange: (change: StateChange) => void) {
  const known = new Map<string, StateChange>()
  const timers = new Map<string, {left: number; endsBefore: number}>()
  const connections = new Map<string, number>()
  const numbered = ({endpoint, socket, entry}: SeenSocket) => {
    if (socket === 'listener') return {}
    const peer = endpoint === 'server' ? entry.remote : entry.local
    const key = JSON.stringify(peer)
    const connection = connections.get(key) ?? connections.size + 1
    connections.set(key, connection)
    return {connection}
  }
  return (table: SocketEntry[], askedAt = monotonicSeconds()): SeenSocket[] => {
    const seconds = monotonicSeconds()
    // macOS also lists sockets that are bound and no more, as CLOSED; they are nobody's residue.
    const seen = socketsOfPort(table, port).filter(({entry}) => entry.state !== 'CLOSED')
    const present = new Set<string>()
    for (const sighting of seen) {
      const {endpoint, socket, entry} = sighting
      const key = JSON.stringify([socket, entry.local, entry.remote])
      present.add(key)
      const {expiresInSeconds} = entry
      const timer = timers.get(key)
      const left = expiresInSeconds ?? 0
      // One that has run out is shown with nothing left until its slot of the timer wheel is over.
      const isPutOff = left > 0 && askedAt + left > (timer?.endsBefore ?? 0) + timerToleranceSeconds
      const restarted = timer !== undefined && (left > timer.left || isPutOff)
      if (expiresInSeconds === null) timers.delete(key)
      else {
        const known = restarted ? undefined : timer?.endsBefore
        timers.set(key, {left, endsBefore: Math.min(seconds + left, known ?? seconds + left)})
      }
      if (known.get(key)?.state === entry.state && !restarted) continue
      const expiry = expiresInSeconds === null ? {} : {expiresInSeconds}
      const state = {state: entry.state, ...expiry}
      const change = {seconds, endpoint, socket, ...numbered(sighting), ...state}
      known.set(key, change)
      onChange(change)
    }
    for (const [key, {endpoint, socket, connection}] of known) {
      if (present.has(key)) continue
      known.delete(key)
      timers.delete(key)
      const number = connection === undefined ? {} : {connection}
      onChange({seconds, endpoint, socket, ...number, state: 'CLOSED'})
    }
    return seen
  }
}
