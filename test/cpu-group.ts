import {existsSync, mkdirSync, rmdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'

const periodMicroseconds = 100_000

/** A control group whose processes have so many percent of a core between them. */
export interface CpuGroup {
  /** Where a process writes its pid to be in it. */
  processes: string
  remove(): Promise<void>
}

/** @throws where it cannot be made: it takes root, and version 1 or 2 of cgroups with the cpu controller */
export function makeCpuGroup(name: string, sharePercent: number): CpuGroup {
  const quota = Math.round((sharePercent / 100) * periodMicroseconds)
  const root = '/sys/fs/cgroup'
  const isSecond = existsSync(join(root, 'cgroup.controllers'))
  if (isSecond) writeFileSync(join(root, 'cgroup.subtree_control'), '+cpu')
  const folder = join(root, isSecond ? '' : 'cpu', name)
  mkdirSync(folder)
  try {
    if (isSecond) writeFileSync(join(folder, 'cpu.max'), `${quota} ${periodMicroseconds}`)
    else {
      writeFileSync(join(folder, 'cpu.cfs_period_us'), String(periodMicroseconds))
      writeFileSync(join(folder, 'cpu.cfs_quota_us'), String(quota))
    }
  } catch (error) {
    rmdirSync(folder)
    throw error
  }
  return {
    processes: join(folder, 'cgroup.procs'),
    async remove() {
      // Its last processes may take a moment to be gone.
      for (let tries = 0; ; tries++) {
        try {
          return rmdirSync(folder)
        } catch (error) {
          if (tries === 50) throw error
          await delay(100)
        }
      }
    },
  }
}

/** Text of a program that takes so much of a processor's time, however long that takes it. */
export function spending(milliseconds: number): string {
  return `{
    const before = process.cpuUsage()
    for (let spent = 0; spent < ${milliseconds * 1000}; ) {
      const {user, system} = process.cpuUsage(before)
      spent = user + system
    }
  }`
}

/** Why a test that needs such a group skips; undefined where it can be had. */
export async function cpuGroupProblem(name: string): Promise<string | undefined> {
  try {
    await makeCpuGroup(name, 50).remove()
    return undefined
  } catch {
    return 'a group with a share of a core cannot be made'
  }
}
