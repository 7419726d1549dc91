import {jsonText} from '../documents/json-text.ts'
import type {Report, Result} from '../documents/report-schema.ts'
import {
  firstErrorWords,
  hostWords,
  residueWords,
  verdictWords,
  waitWords,
} from '../documents/words.ts'
import {printable} from '../text.ts'

/** The report as TAP 14 (testanything.org): each scenario a test point, what went otherwise explained in YAML. */
export function renderTap({run, host, results}: Report): string {
  return [
    'TAP version 14',
    `1..${results.length}${results.length === 0 ? ' # SKIP no scenario' : ''}`,
    `# ${printable(hostWords(host))}`,
    ...results.flatMap(testPoint),
    ...(run.interrupted === undefined ? [] : [`# interrupted by ${printable(run.interrupted)}`]),
    '',
  ].join('\n')
}

function testPoint(result: Result, index: number): string[] {
  const {scenario, status, reason = 'not judged'} = result
  const point = `${index + 1} - ${description(scenario)}`
  if (status === 'as-expected') return [`ok ${point}`]
  if (status === 'skipped') return [`ok ${point} # SKIP ${description(reason)}`]
  const {claim, expected} = result
  const diagnostic = {
    status,
    message: reason,
    claim,
    residue: residueWords(result),
    firstError: firstErrorWords(result),
    verdict: verdictWords(result),
    wait: waitWords(result),
    ...(expected === null ? {} : {expected: expected.verdict, because: expected.because}),
  }
  // A string of JSON is one of YAML, too.
  const lines = Object.entries(diagnostic).map(
    ([name, value]) => `  ${name}: ${jsonText(printable(value))}`,
  )
  return [`not ok ${point}`, '  ---', ...lines, '  ...']
}

/** A `#` would begin a directive, and a backslash escapes. */
function description(text: string): string {
  return printable(text).replace(/[\\#]/g, '\\$&')
}
