/** One process, from the first reading that showed it listening to the last one. Monotonic seconds. */
export interface ListenedSpan {
  pid: number
  from: number
  to: number
}

/** Who listened on the port, from when to when. */
export interface Listened {
  spans: ListenedSpan[]
  /** Takes in one reading: these listened at that time, and nobody else. */
  note(holders: readonly {pid: number}[], at: number): void
}

/** @param before spans that may go on, from the reading before the first one here */
export function openListened(before: readonly ListenedSpan[] = []): Listened {
  const spans = before.map((span) => ({...span}))
  let open = [...spans]
  return {
    spans,
    note(holders, at) {
      const pids = new Set(holders.map(({pid}) => pid))
      open = open.filter(({pid}) => pids.has(pid))
      for (const span of open) span.to = Math.max(span.to, at)
      for (const pid of pids) {
        if (open.some((span) => span.pid === pid)) continue
        const span = {pid, from: at, to: at}
        spans.push(span)
        open.push(span)
      }
    },
  }
}
