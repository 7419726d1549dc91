import {jsonText} from '../documents/json-text.ts'
import {printable} from '../text.ts'
import type {TestCase} from './cases/test-case.ts'
import type {Suite} from './suite.ts'

/** TAP 14 (testanything.org): a test point per case, what is not as expected explained in YAML. */
export function renderTap({host, cases, interrupted}: Suite): string {
  return [
    'TAP version 14',
    `1..${cases.length}${cases.length === 0 ? ' # SKIP nothing was measured' : ''}`,
    `# ${printable(host)}`,
    ...cases.flatMap(testPoint),
    ...(interrupted === undefined ? [] : [`# interrupted by ${printable(interrupted)}`]),
    '',
  ].join('\n')
}

function testPoint({name, status, reason, seen}: TestCase, index: number): string[] {
  const point = `${index + 1} - ${description(name)}`
  if (status === 'as-expected') return [`ok ${point}`]
  if (status === 'skipped') return [`ok ${point} # SKIP ${description(reason)}`]
  // A string of JSON is one of YAML, too.
  const lines = Object.entries({status, message: reason, ...seen}).map(
    ([key, value]) => `  ${key}: ${jsonText(printable(value))}`,
  )
  return [`not ok ${point}`, '  ---', ...lines, '  ...']
}

/** A `#` would begin a directive, and a backslash escapes. */
function description(text: string): string {
  return printable(text).replace(/[\\#]/g, '\\$&')
}
