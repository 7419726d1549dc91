import type {Report, Result} from '../documents/report-schema.ts'
import {
  besidesWords,
  firstErrorWords,
  hostWords,
  residueWords,
  verdictWords,
  waitWords,
} from '../documents/words.ts'
import {directionControls} from '../text.ts'

/**
 * The report as JUnit XML: each scenario a test case; unexpected is a failure, failed an error. It has what
 * both common schemas ask for, that of Ant's JUnitReport task and that of Jenkins' xUnit plugin: no attribute
 * on `testsuites`, and the same elements of a `testsuite` in the same order.
 */
export function renderJunit({run, host, results}: Report): string {
  const count = (status: Result['status']) =>
    results.filter((result) => result.status === status).length
  const suite = {
    name: 'rebind',
    package: 'rebind',
    id: '0',
    // The schema allows no time zone; it is UTC.
    timestamp: run.startedAt.slice(0, 19),
    // The schema's own word where it is not known: a report does not name the machine.
    hostname: 'localhost',
    tests: String(results.length),
    failures: String(count('unexpected')),
    errors: String(count('failed')),
    skipped: String(count('skipped')),
    time: run.wallSeconds.toFixed(3),
  }
  const properties = {
    run: run.id,
    host: hostWords(host),
    ...(run.interrupted === undefined ? {} : {interrupted: run.interrupted}),
  }
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `<testsuite${attributes(suite)}>`,
    '<properties>',
    ...Object.entries(properties).map(([name, value]) => `<property${attributes({name, value})}/>`),
    '</properties>',
    ...results.map((result) => testCase(result, host.stack)),
    '<system-out/>',
    '<system-err/>',
    '</testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

/** The time of a test case is the wait: what the restart felt. */
function testCase(result: Result, stack: string): string {
  const {scenario, status, reason = 'not judged', bind} = result
  const named = attributes({
    name: scenario === '' ? '-' : scenario,
    classname: `rebind.${stack}`,
    time: (bind?.waitSeconds ?? 0).toFixed(3),
  })
  const message = {message: reason}
  const outcome = {
    'as-expected': '',
    unexpected: `<failure${attributes({...message, type: 'unexpected'})}>${xml(observed(result))}</failure>`,
    failed: `<error${attributes({...message, type: 'failed'})}>${xml(observed(result))}</error>`,
    skipped: `<skipped${attributes(message)}/>`,
  }[status]
  return outcome === '' ? `<testcase${named}/>` : `<testcase${named}>${outcome}</testcase>`
}

/** What was seen, one thing a line. */
function observed(result: Result): string {
  return [
    result.claim,
    `residue: ${residueWords(result)}`,
    `first error: ${firstErrorWords(result)}`,
    `verdict: ${verdictWords(result)}`,
    `wait: ${waitWords(result)}`,
    ...[besidesWords(result) ?? []].flat(),
    ...(result.expected === null
      ? []
      : [`expected: ${result.expected.verdict}, because ${result.expected.because}`]),
  ].join('\n')
}

function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${xml(value)}"`)
    .join('')
}

/**
 * Text for an element or an attribute. A character that XML 1.0 does not allow (section 2.2), not even as a
 * reference, is written as U+FFFD; so is one that would not stay text on its line where the file is shown.
 */
function xml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[\u007f-\u009f\u2028\u2029]/g, '\ufffd')
    .replace(directionControls, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`)
}
