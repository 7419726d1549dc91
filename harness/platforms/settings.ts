import type {Settings} from './platform.ts'

const largestInt = 2 ** 31 - 1

/**
 * The value of a setting, a C int of the kernel's; undefined where it is none. Settings are read from logs
 * and reports, too, which may hold anything.
 */
export function countIn(settings: Settings, name: string, least: 0 | 1): number | undefined {
  const value = settings[name]
  const isCount = typeof value === 'number' && Number.isInteger(value)
  return isCount && value >= least && value <= largestInt ? value : undefined
}
