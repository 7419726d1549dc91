import {readFileSync} from 'node:fs'
import {darwin} from './darwin.ts'
import {gvisor} from './gvisor.ts'
import {linux} from './linux.ts'
import type {Platform, Rules, Stack} from './platform.ts'
import {generalRules, type RuleTable, type RuleText} from './rule-table.ts'

/** An operating system without rules of ours: everything is measured there and nothing is judged. */
export const unknown: Platform = {
  stack: 'unknown',
  title: 'this operating system',
  rules: null,
  readSockets: null,
  readCounters: null,
  hiddenStates: [],
  readHolders: null,
  readUnixSockets: null,
  readListenersElsewhere: null,
  readSettings: async () => ({}),
  // RFC 6335 section 6: the dynamic ports.
  ephemeralPorts: () => [49152, 65535],
  firstUnprivilegedPort: () => 0,
  reservation: null,
}

/** Windows: untested; libuv sets no option there, and no socket table is read. */
const windows: Platform = {...unknown, stack: 'windows', title: 'Windows'}

/** Every platform by the name of its stack, which reports carry. */
const platforms: Record<Stack, Platform> = {linux, darwin, gvisor, windows, unknown}

export function platformOf(stack: Stack): Platform {
  return platforms[stack]
}

/** The platforms whose rules are known. */
export const platformsWithRules: readonly Platform[] = [linux, darwin, gvisor]

/** The platform that this process runs on. */
export function detectPlatform(): Platform {
  if (process.platform === 'darwin') return darwin
  if (process.platform === 'win32') return windows
  if (process.platform !== 'linux') return unknown
  return isGvisor() ? gvisor : linux
}

/** gVisor reports itself as Linux 4.4.0; its kernel command line is `... vmlinuz-4.4.0-gvisor quiet`. */
function isGvisor(): boolean {
  try {
    return readFileSync('/proc/cmdline', 'latin1').includes('gvisor')
  } catch {
    return false
  }
}

/**
 * The texts of rules, for a document that names them by their ids.
 * @param rules of the document's system; ids that it does not know are left out
 */
export function ruleTexts(
  rules: Rules | null | undefined,
  ids: Iterable<string>,
): Record<string, Pick<RuleText, 'because' | 'source'>> {
  const table: RuleTable = rules?.table ?? generalRules
  const known = [...new Set(ids)].sort()
  return Object.fromEntries(
    known.flatMap((id) => {
      const rule = Object.hasOwn(table, id) ? table[id] : undefined
      return rule === undefined ? [] : [[id, {because: rule.because, source: rule.source}]]
    }),
  )
}
