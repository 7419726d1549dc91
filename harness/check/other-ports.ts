import {setTimeout as delay} from 'node:timers/promises'
import type {CheckContext} from './context.ts'
import {holdersOf, holdersOfEach} from './port-view.ts'
import type {ServerStart} from './server.ts'

const lookEveryMilliseconds = 20

/**
 * Waits until the server listens on its other ports, too.
 * @param start undefined for a server that was not started here, where whoever listens is taken for it, unless it is old
 * @param isOver when to give up
 * @returns the ports that it does not listen on; one that an old process has is one of these
 * @param isOld whether a process is of the old server, for one that was not started here
 * @throws the reason of the signal when that is aborted
 */
export async function missingPorts(
  {
    options,
    look,
    platform,
    host,
    signal,
  }: Pick<CheckContext, 'options' | 'look' | 'platform' | 'host' | 'signal'>,
  start: Pick<ServerStart, 'number' | 'ending'> | undefined,
  isOver: () => boolean,
  isOld: (pid: number) => boolean = () => false,
): Promise<number[]> {
  const isThere = async (port: number, allListeners: Listeners) => {
    const listeners = allListeners.filter(({local}) => local.port === port)
    if (listeners.length === 0) return false
    if (start === undefined) {
      const each = await holdersOfEach(platform, port, listeners)
      // Of several sockets, each gets a part of the clients.
      return !each.some((all) => all.length > 0 && all.every(({pid}) => isOld(pid)))
    }
    const holders = await holdersOf(platform, port, listeners)
    host.processes()
    const starts = holders.map(({pid}) => host.startOf(pid))
    // With SO_REUSEPORT an old process may listen beside it, and gets a part of the clients.
    const hasOld = starts.some((each) => typeof each === 'number' && each !== start.number)
    return !hasOld && starts.includes(start.number)
  }
  let missing = [...options.alsoPorts]
  for (;;) {
    if (missing.length === 0) return []
    signal.throwIfAborted()
    const hasEnded = start?.ending() !== undefined
    const {allListeners} = await look()
    const there = await Promise.all(missing.map((port) => isThere(port, allListeners)))
    missing = missing.filter((_, index) => there[index] !== true)
    if (missing.length === 0 || hasEnded || isOver()) return missing
    await delay(lookEveryMilliseconds, undefined, {signal})
  }
}

type Listeners = Awaited<ReturnType<CheckContext['look']>>['allListeners']
