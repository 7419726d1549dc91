import {writeFileSync} from 'node:fs'

/** Half of all memory (proc(5)): above any program that does not ask for it. */
const score = 500

/**
 * Where memory runs out, Linux is to end a process of one scenario, which then fails and says so, rather
 * than the harness with the report of all. Raising one's own score needs no right.
 */
export function volunteerForTheOutOfMemoryKiller(): void {
  if (process.platform !== 'linux') return
  try {
    writeFileSync('/proc/self/oom_score_adj', String(score))
  } catch {
    // Without /proc the kernel chooses by size.
  }
}
