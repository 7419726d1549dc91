import {monotonicSeconds} from '../clock.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import type {CheckContext} from './context.ts'
import {socketKey} from './listeners.ts'
import {endWords, holdersOf, type PortView} from './port-view.ts'
import type {Elsewhere} from './start-outcome.ts'

const everySeconds = 0.25

/** Looks now and then where else a start listens; in between it is what was found the last time. */
export function openElsewhere(
  {platform, host, options, before}: Pick<CheckContext, 'platform' | 'host' | 'options' | 'before'>,
  start: number,
): (view: PortView) => Promise<Elsewhere | undefined> {
  /** Listeners that are known to be somebody else's. */
  const foreign = new Set<string>()
  let lookedAt = Number.NEGATIVE_INFINITY
  let found: Elsewhere | undefined

  async function find(view: PortView): Promise<Elsewhere | undefined> {
    const known = new Set([...before, ...view.listeners].map(socketKey))
    const ours: SocketEntry[] = []
    for (const entry of view.allListeners) {
      const key = socketKey(entry)
      if (known.has(key) || foreign.has(key)) continue
      const holders = await holdersOf(platform, entry.local.port, [entry])
      host.processes()
      if (holders.some(({pid}) => host.startOf(pid) === start)) ours.push(entry)
      else foreign.add(key)
    }
    const here = ours.filter(({local}) => local.port === options.port)
    if (here.length > 0)
      return {kind: 'other-address', ends: here.map(({local}) => endWords(local))}
    const ports = [...new Set(ours.map(({local}) => local.port))]
    return ports.length > 0 ? {kind: 'other-port', ports} : undefined
  }

  return async (view) => {
    const now = monotonicSeconds()
    if (now - lookedAt >= everySeconds) {
      lookedAt = now
      found = await find(view)
    }
    return found
  }
}
