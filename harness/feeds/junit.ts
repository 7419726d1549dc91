import {directionControls} from '../text.ts'
import type {TestCase} from './cases/test-case.ts'
import type {Suite} from './suite.ts'

/**
 * JUnit XML: unexpected is a failure, failed an error. It has what both common schemas ask for, that of Ant's
 * JUnitReport task and that of Jenkins' xUnit plugin: no attribute on `testsuites`, and the same elements of a
 * `testsuite` in the same order.
 */
export function renderJunit({id, startedAt, wallSeconds, interrupted, host, cases}: Suite): string {
  const count = (status: TestCase['status']) =>
    cases.filter((each) => each.status === status).length
  const suite = {
    name: 'rebind',
    package: 'rebind',
    id: '0',
    // The schema allows no time zone; it is UTC.
    timestamp: startedAt.slice(0, 19),
    // The schema's own word where it is not known: a document does not name the machine.
    hostname: 'localhost',
    tests: String(cases.length),
    failures: String(count('unexpected')),
    errors: String(count('failed')),
    skipped: String(count('skipped')),
    time: wallSeconds.toFixed(3),
  }
  const properties = {
    ...(id === undefined ? {} : {run: id}),
    host,
    ...(interrupted === undefined ? {} : {interrupted}),
  }
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `<testsuite${attributes(suite)}>`,
    '<properties>',
    ...Object.entries(properties).map(([name, value]) => `<property${attributes({name, value})}/>`),
    '</properties>',
    ...cases.map(testCase),
    '<system-out/>',
    '<system-err/>',
    '</testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

function testCase({name, group, status, reason, seconds, seen}: TestCase): string {
  const named = attributes({
    name: name === '' ? '-' : name,
    classname: `rebind.${group}`,
    time: seconds.toFixed(3),
  })
  const message = {message: reason}
  const outcome = {
    'as-expected': '',
    unexpected: `<failure${attributes({...message, type: 'unexpected'})}>${xml(lines(seen))}</failure>`,
    failed: `<error${attributes({...message, type: 'failed'})}>${xml(lines(seen))}</error>`,
    skipped: `<skipped${attributes(message)}/>`,
  }[status]
  return outcome === '' ? `<testcase${named}/>` : `<testcase${named}>${outcome}</testcase>`
}

/** What was seen, one thing per line: `first error: EADDRINUSE 98`. */
function lines(seen: TestCase['seen']): string {
  return Object.entries(seen)
    .map(
      ([name, value]) =>
        `${name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}: ${value}`,
    )
    .join('\n')
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
