import type {HistoryMark, HistoryRun} from '../documents/history-schema.ts'

const versions = {kernel: 'release', node: 'node', rebind: 'rebind'} as const

/** A version that was in use so shortly before is not new: machines of a pool are upgraded one after the other. */
const recentRuns = 5

/** Where another kernel, Node or Rebind came into use on a system. @param runs the oldest first, with their places */
export function marksOf(
  system: string,
  runs: readonly {run: HistoryRun; file: number}[],
): HistoryMark[] {
  return Object.entries(versions).flatMap(([what, field]) => {
    const recent: string[] = []
    return runs.flatMap(({run, file}) => {
      const to = run[field]
      if (to === null) return []
      const from = recent.at(-1)
      const isNew = from !== undefined && !recent.includes(to)
      recent.push(to)
      if (recent.length > recentRuns) recent.shift()
      return isNew ? [{system, at: run.at, file, what: what as HistoryMark['what'], from, to}] : []
    })
  })
}
