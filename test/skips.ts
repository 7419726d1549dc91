/** What tests that lack something have written down (test/needs.ts), counted and judged. */

/** Names the file to which each skip adds a line of JSON; test/run.ts sets it and counts them. */
export const skipsVariable = 'REBIND_TEST_SKIPS'

/** @param text a line of JSON for each skip */
export function readReasons(text: string): string[] {
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => (JSON.parse(line) as {reason: string}).reason)
}

/** Most frequent first: `skipped: 3 (nft is not installed: 2, no cc here: 1)`. */
export function skipsLine(reasons: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  const most = [...counts].sort(([, one], [, other]) => other - one)
  const each = most.map(([reason, count]) => `${reason}: ${count}`)
  return `skipped: ${reasons.length}${each.length === 0 ? '' : ` (${each.join(', ')})`}`
}

/** @param allowList a reason per line; what follows # is a comment */
export function forbiddenReasons(reasons: readonly string[], allowList: string): string[] {
  const lines = allowList.split('\n').map((line) => line.replace(/#.*/, '').trim())
  const allowed = new Set(lines)
  return [...new Set(reasons)].filter((reason) => !allowed.has(reason))
}
