import type {Machine} from '../documents/host.ts'
import type {Listener, Listeners} from '../documents/listeners-schema.ts'
import {counted} from '../documents/words.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import {userName} from '../platforms/users.ts'
import {withDetails} from '../processes/process-details.ts'

/**
 * All sockets of this machine that listen, and whose they are. Nothing is tried.
 * @throws Error if the OS does not let us look
 */
export async function listListeners({platform, host}: Machine): Promise<Listeners> {
  const {readSockets, readHolders, title} = platform
  if (readSockets === null) throw new Error(`${title} does not show its sockets; name a port`)
  const table = await readSockets({ports: [], listeners: true})
  const entries = table.filter(({state}) => state === 'LISTEN').sort(byEnd)
  let problem: string | undefined
  const holders = await readHolders?.(undefined, entries).catch((error: Error) => {
    problem = error.message
    return undefined
  })
  const firsts = entries.map((entry) => holders?.of(entry)[0])
  const described = await withDetails(firsts.flatMap((holder) => holder ?? []))
  const known = new Map(described.map((holder) => [holder.pid, holder]))
  const unseen = firsts.filter((holder) => holder === undefined).length
  return {
    ...{format: 'rebind-listeners', version: 1, host},
    listeners: entries.map((entry, index) =>
      listenerOf(entry, known.get(firsts[index]?.pid ?? 0), holders?.of(entry) ?? []),
    ),
    unseen: [
      ...(problem === undefined
        ? []
        : [`Which processes listen could not be looked up: ${problem}.`]),
      ...(problem === undefined && unseen > 0 ? [unseenWords(unseen)] : []),
    ],
  }
}

function byEnd({local: one}: SocketEntry, {local: other}: SocketEntry): number {
  return one.port - other.port || one.address.localeCompare(other.address)
}

function listenerOf(
  {local, uid}: SocketEntry,
  holder: Holder | undefined,
  holders: readonly Holder[],
): Listener {
  const {cwd = null, startedAt = null, parents = []} = holder?.details ?? {}
  return {
    ...{local, port: local.port, pid: holder?.pid ?? null, command: holder?.command ?? null},
    user: holder?.user ?? (uid === undefined ? null : userName(uid)),
    ...{cwd, startedAt, parents},
    pids: holders.map(({pid}) => pid),
  }
}

function unseenWords(count: number): string {
  const remedy =
    process.geteuid?.() === 0
      ? 'they may be in another container, or in the kernel itself'
      : 'ask again as root: sudo rebind why'
  return `The processes of ${counted(count, 'listener')} are not visible: ${remedy}.`
}
