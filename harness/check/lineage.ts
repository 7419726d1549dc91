import type {ProcessEntry, ProcessIdentity} from '../processes/process-table.ts'

/** A living process that descends from one of the starts of the command. */
export interface Member extends ProcessIdentity {
  /** The number of that start; {@link unclear} if it was not seen whose descendant it is. */
  start: number
}

/** Not a start's number: an orphan whose parent ended unseen, while processes of several starts were alive. */
export const unclear = -1

/** Which process descends from which start of the command, remembered for as long as it lives. */
export interface Lineage {
  /** Takes in one reading of the process table. @returns the living processes that are ours */
  observe(processes: readonly ProcessEntry[]): Member[]
  /** A start: the process, and the group that it leads, have the pid. Observe before it, and right after it. */
  begin(start: number, pid: number): void
  /** By the latest reading, the start that the process of this pid descends from. */
  startOf(pid: number): number | 'not ours' | 'ended'
}

/**
 * Descent is remembered while it can be seen: when its parent has ended, a process is the guardian's child,
 * or init's. What descends from an old process is old, whenever it began: a supervisor that outlived its
 * stop starts servers after the restart, too.
 * @param root the pid of the guardian, whose children all starts are
 */
export function openLineage(root: number): Lineage {
  /** By pid and start time, because pids are used again. */
  let starts = new Map<string, number>()
  let byPid = new Map<number, number | 'not ours'>()
  /** Process groups that starts lead. Without a member that is known its number may mean another group by now. */
  const groups = new Map<number, {start: number; isNew: boolean}>()
  let latest = unclear

  /** Parents may come after their children in the table, so it is gone through until nothing is added. */
  function learnDescendants(processes: readonly ProcessEntry[], known: Map<number, number>): void {
    for (let size = -1; size !== known.size; ) {
      size = known.size
      for (const {pid, parent, group} of processes) {
        if (known.has(pid) || pid === root) continue
        const start = known.get(parent) ?? groups.get(group)?.start
        if (start !== undefined) known.set(pid, start)
      }
    }
  }

  function forgetGroups(processes: readonly ProcessEntry[], known: Map<number, number>): void {
    const members = new Set(processes.flatMap(({pid, group}) => (known.has(pid) ? [group] : [])))
    for (const [group, state] of groups) {
      if (!state.isNew && !members.has(group)) groups.delete(group)
      state.isNew = false
    }
  }

  return {
    observe(processes) {
      const known = new Map<number, number>()
      for (const process of processes) {
        const start = starts.get(identityOf(process))
        if (start !== undefined) known.set(process.pid, start)
      }
      forgetGroups(processes, known)
      learnDescendants(processes, known)
      const orphans = processes.filter(({pid, parent}) => parent === root && !known.has(pid))
      if (orphans.length > 0) {
        const living = processes
          .filter(({zombie}) => !zombie)
          .flatMap(({pid}) => known.get(pid) ?? [])
        // It can be the latest start's only if there was nobody else who could have made it.
        const start = living.every((each) => each === latest) ? latest : unclear
        for (const {pid} of orphans) known.set(pid, start)
        learnDescendants(processes, known)
      }
      starts = new Map()
      byPid = new Map()
      const members: Member[] = []
      for (const process of processes) {
        const {pid, started, zombie} = process
        const start = known.get(pid)
        byPid.set(pid, start ?? 'not ours')
        if (start === undefined) continue
        starts.set(identityOf(process), start)
        if (!zombie) members.push({pid, started, start})
      }
      return members
    },
    begin(start, pid) {
      latest = start
      groups.set(pid, {start, isNew: true})
    },
    startOf: (pid) => byPid.get(pid) ?? 'ended',
  }
}

function identityOf({pid, started}: ProcessIdentity): string {
  return `${pid} ${started}`
}
