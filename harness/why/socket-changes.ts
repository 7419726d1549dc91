import type {SocketEntry} from '../platforms/socket-table.ts'
import type {TcpState} from '../platforms/tcp-states.ts'

export interface SocketChange {
  change: 'appeared' | 'changed' | 'gone'
  /** As it is now; if gone, as it was seen last. */
  entry: SocketEntry
  /** The state before, if changed. */
  was?: TcpState
}

/** Follows the sockets of a port: each reading gives what is different from the one before. */
export function followSockets(): (reading: readonly SocketEntry[]) => SocketChange[] {
  let known = new Map<string, SocketEntry>()
  return (reading) => {
    const present = new Map(reading.map((entry) => [keyOf(entry), entry]))
    const changes: SocketChange[] = []
    for (const [key, entry] of present) {
      const before = known.get(key)
      if (before === undefined) changes.push({change: 'appeared', entry})
      else if (before.state !== entry.state) {
        changes.push({change: 'changed', entry, was: before.state})
      }
    }
    for (const [key, entry] of known) {
      if (!present.has(key)) changes.push({change: 'gone', entry})
    }
    known = present
    return changes
  }
}

/** A connection keeps its ends through all its states; listeners that share an address differ by inode. */
function keyOf({state, local, remote, inode}: SocketEntry): string {
  const end = state === 'LISTEN' ? `listener ${inode ?? ''}` : `${remote.address} ${remote.port}`
  return `${local.address} ${end}`
}
