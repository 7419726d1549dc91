import {monotonicSeconds} from '../clock.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import type {CheckContext} from './context.ts'
import type {Listened} from './listened.ts'
import {endWords, holdersOfEach, type PortView} from './port-view.ts'
import type {ServerStart} from './server.ts'

/** Whose the listeners on the port are, by one reading of the socket table. */
export interface Judged {
  /** Processes that descend from the start. */
  ours: Holder[]
  /** Processes of an earlier start, at whatever address, alone or with a new one that inherited the socket. */
  old: Holder[]
  /** Anybody else. */
  others: Holder[]
  /** Listeners that no process was seen to have. */
  unseen: SocketEntry[]
}

export interface ListenerJudge {
  /** @param at when the reading was begun, monotonic */
  judge(view: PortView, at: number): Promise<Judged>
}

/** Looking through all processes is expensive: who holds the same sockets as a moment ago is not asked again. */
const judgedForSeconds = 0.25

/** Judges the readings for one start, whose descendants are ours; whoever listens is noted in `listened`. */
export function openListenerJudge(
  {platform, host, options}: Pick<CheckContext, 'platform' | 'host' | 'options'>,
  start: Pick<ServerStart, 'number'>,
  listened: Listened,
): ListenerJudge {
  let last: {sockets: string; at: number; judged: Judged} | undefined

  async function judgeNow({listeners, listenersOnOtherAddresses}: PortView): Promise<Judged> {
    const sockets = [...listeners, ...listenersOnOtherAddresses]
    const bySocket = await holdersOfEach(platform, options.port, sockets)
    // A process may have begun since the last reading, but not descend from what is not in the table.
    host.processes()
    const judged: Judged = {ours: [], old: [], others: [], unseen: []}
    for (const [index, socket] of sockets.entries()) {
      const holders = bySocket[index] ?? []
      const whose = holders.map(({pid}) => host.startOf(pid))
      const having = (isMeant: (start: (typeof whose)[number]) => boolean) =>
        holders.filter((_, each) => isMeant(whose[each] ?? 'ended'))
      const ours = having((each) => each === start.number)
      const old = having((each) => typeof each === 'number' && each !== start.number)
      const others = having((each) => each === 'not ours')
      // A socket that an old process has, too, is the old one, whoever else has inherited it since.
      if (old.length > 0) judged.old.push(...old)
      // Elsewhere the server may listen for something else; only an old one must not.
      else if (index >= listeners.length) continue
      else if (ours.length > 0) judged.ours.push(...ours)
      else if (others.length > 0) judged.others.push(...others)
      else judged.unseen.push(socket)
    }
    return {
      ...judged,
      ours: withoutRepetition(judged.ours),
      old: withoutRepetition(judged.old),
      others: withoutRepetition(judged.others),
    }
  }

  return {
    async judge(view, at) {
      const sockets = [...view.listeners, ...view.listenersOnOtherAddresses].map(socketKey).join()
      const isFresh =
        last?.sockets === sockets &&
        at - last.at <= judgedForSeconds &&
        last.judged.unseen.length === 0
      if (last === undefined || !isFresh) {
        last = {sockets, at: monotonicSeconds(), judged: await judgeNow(view)}
      }
      const {judged} = last
      listened.note([...judged.ours, ...judged.old, ...judged.others], at)
      return judged
    },
  }
}

/** `127.0.0.1:3000 4711`. */
export function socketKey({local, inode}: SocketEntry): string {
  return `${endWords(local)} ${inode ?? ''}`
}

function withoutRepetition(holders: readonly Holder[]): Holder[] {
  return [...new Map(holders.map((holder) => [holder.pid, holder])).values()]
}
