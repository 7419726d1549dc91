import {chmodSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import type {ExecutionContext} from 'ava'
import type {Report, Result} from '../../harness/documents/report-schema.ts'
import {
  type Annotation,
  annotationLine,
  type JobNews,
  newsOf,
  tellGithub,
} from '../../harness/feeds/github.ts'
import {suiteOf} from '../../harness/feeds/suite.ts'
import {temporaryFolder, testUnless} from '../commands/cli.ts'
import {test} from '../declare.ts'

const summaryLimitBytes = 1024 * 1024

const hostile =
  '100%, a:b\r\n::error title=forged::gone\n##[add-matcher]/tmp/x %0A \u001b[2J\u2028::stop-commands::x'

interface Told {
  stderr: string
  summary: string
}

/** Tells GitHub as a step of a job would, and returns what GitHub got. */
async function told(
  t: ExecutionContext,
  news: JobNews,
  {before, file}: {before?: string; file?: string} = {},
): Promise<Told> {
  const path = file ?? join(temporaryFolder(t), 'step_summary')
  if (before !== undefined) writeFileSync(path, before)
  const stderr = await tellGithub(news, {GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: path})
  return {stderr, summary: file === undefined ? readFileSync(path, 'utf8') : ''}
}

/** What the runner makes of a line (actions/runner, ActionCommand.cs: TryParseV2, Unescape...). */
function parsedByRunner(line: string) {
  const end = line.indexOf('::', 2)
  if (!line.startsWith('::') || end < 0) return undefined
  const info = line.slice(2, end)
  const space = info.indexOf(' ')
  const unescaped = (text: string) =>
    text
      .replaceAll('%0D', '\r')
      .replaceAll('%0A', '\n')
      .replaceAll('%3A', ':')
      .replaceAll('%2C', ',')
      .replaceAll('%25', '%')
  const properties = info
    .slice(space + 1)
    .split(',')
    .map((pair) => pair.split(/=(.*)/s, 2))
    .map(([name = '', value = '']) => [name, unescaped(value)])
  return {
    command: info.slice(0, space),
    properties: Object.fromEntries(properties),
    message: line
      .slice(end + 2)
      .replaceAll('%0D', '\r')
      .replaceAll('%0A', '\n')
      .replaceAll('%25', '%'),
  }
}

test('hostile text is one command, whose title and message the runner reads as they were', (t) => {
  const line = annotationLine({level: 'error', title: hostile, message: hostile})
  for (const character of '\r\n\u001b\u2028') t.false(line.includes(character))
  t.deepEqual(parsedByRunner(line), {
    command: 'error',
    properties: {
      title: '100%, a:b ::error title=forged::gone ##[add-matcher]/tmp/x %0A  ::stop-commands::x',
    },
    message: '100%, a:b\n::error title=forged::gone\n##[add-matcher]/tmp/x %0A  ::stop-commands::x',
  })
})

test('a plain annotation reads as GitHub documents it', (t) => {
  t.is(
    annotationLine({level: 'notice', title: 'a title', message: 'a message'}),
    '::notice title=a title::a message',
  )
})

test('outside of GitHub Actions no summary is written', async (t) => {
  const file = join(temporaryFolder(t), 'step_summary')
  writeFileSync(file, '')
  const news: JobNews = {summary: 'x', annotations: [{level: 'error', title: 'a', message: 'b'}]}
  for (const GITHUB_ACTIONS of [undefined, '', 'false']) {
    t.is(
      await tellGithub(news, {GITHUB_ACTIONS, GITHUB_STEP_SUMMARY: file}),
      '::error title=a::b\n',
    )
  }
  t.is(readFileSync(file, 'utf8'), '')
})

test('the summary goes behind what the step has written before', async (t) => {
  const {summary, stderr} = await told(t, {summary: 'ours', annotations: []}, {before: 'theirs\n'})
  t.is(summary, 'theirs\nours\n')
  t.is(stderr, '')
})

test('a step without a summary file still gets its annotations', async (t) => {
  const annotations: Annotation[] = [{level: 'error', title: 'a', message: 'b'}]
  t.is(
    await tellGithub({summary: 'x', annotations}, {GITHUB_ACTIONS: 'true'}),
    '::error title=a::b\n',
  )
})

test('a summary file that cannot be written is one warning and no failure', async (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'a-folder'))
  for (const file of [join(folder, 'a-folder'), join(folder, 'missing', 'step_summary')]) {
    const {stderr} = await told(t, {summary: 'x', annotations: []}, {file})
    t.regex(
      stderr,
      /^::warning title=Rebind wrote no job summary::GITHUB_STEP_SUMMARY cannot be written \((EISDIR|ENOENT)\)[^\n]*\n$/,
    )
  }
})

testUnless(
  process.getuid?.() === 0 ? 'root may write anything' : undefined,
  'a summary file without write permission is one warning and no failure',
  async (t) => {
    const file = join(temporaryFolder(t), 'step_summary')
    writeFileSync(file, '')
    chmodSync(file, 0o400)
    const {stderr} = await told(t, {summary: 'x', annotations: []}, {file})
    t.regex(stderr, /^::warning title=Rebind wrote no job summary::.*EACCES.*\n$/)
  },
)

const row = '| scenario ü | TIME_WAIT |\n'

test('a summary of exactly the size that GitHub shows is kept whole', async (t) => {
  const text = 'x'.repeat(summaryLimitBytes - 1)
  const {summary} = await told(t, {summary: text, annotations: []})
  t.is(summary, `${text}\n`)
})

for (const [what, before] of [
  ['an empty file', ''],
  ['a file that is half full', 'b'.repeat(summaryLimitBytes / 2)],
] as const) {
  test(`in ${what} a summary that is too long is cut behind a whole line, and says so`, async (t) => {
    const {summary} = await told(t, {summary: row.repeat(60_000), annotations: []}, {before})
    const size = Buffer.byteLength(summary)
    t.true(size <= summaryLimitBytes)
    t.true(size > summaryLimitBytes - 200)
    const [kept = '', notice] = summary.slice(before.length).split('\n\n')
    t.is(
      notice,
      '**The rest is cut: GitHub shows 1 MiB of a summary. The run folder holds the whole.**\n',
    )
    t.is(`${kept}\n`.replaceAll(row, '').trim(), '')
  })
}

test('a summary file that is full already stays as it is', async (t) => {
  const before = 'b'.repeat(summaryLimitBytes - 10)
  const {summary} = await told(t, {summary: row, annotations: []}, {before})
  t.is(summary, before)
})

test('of many annotations ten of a level are printed, and the last names the others', async (t) => {
  const annotations = Array.from(
    {length: 25},
    (_, index): Annotation => ({level: 'error', title: `title ${index}`, message: 'm'}),
  )
  const {stderr} = await told(t, {summary: '', annotations})
  const lines = stderr.trimEnd().split('\n')
  t.is(lines.length, 10)
  t.is(lines[8], '::error title=title 8::m')
  const others = Array.from({length: 16}, (_, index) => `title ${index + 9}`)
  t.is(lines[9], `::error title=and 16 more::${others.join('%0A')}`)
})

const result: Result = {
  scenario: 'server-closes-first',
  title: 'A title',
  claim: 'A claim.',
  status: 'as-expected',
  predecessor: {opener: 'native', bind: 'none', address: '127.0.0.1'},
  successor: {opener: 'native', bind: 'none', address: '127.0.0.1'},
  residue: [{endpoint: 'server', state: 'TIME_WAIT', count: 1}],
  bind: null,
  outageSeconds: null,
  expected: null,
  timeline: [],
}

function reportOf(results: Result[]): Report {
  return {
    format: 'rebind-report',
    version: 1,
    run: {
      id: 'a-run',
      startedAt: '2026-11-24T00:00:00.000Z',
      wallSeconds: 62,
      rebind: '0.1.0',
      command: ['run'],
    },
    host: {
      os: 'darwin',
      stack: 'darwin',
      release: '25.0',
      arch: 'arm64',
      node: '24.0.0',
      libuv: '1.51.0',
      settings: {},
      ci: 'GitHub Actions',
    },
    results,
  }
}

function annotationsOf(results: Result[]): readonly Annotation[] {
  const report = reportOf(results)
  return newsOf(suiteOf(report, report.run), '').annotations
}

test('a run as expected has nothing to annotate', (t) => {
  t.deepEqual(annotationsOf([result]), [])
})

test('what is unexpected or failed is an error, what was skipped one notice, each with the host', (t) => {
  const host = 'Darwin 25.0 arm64, Node 24.0.0, libuv 1.51.0'
  const annotations = annotationsOf([
    result,
    {...result, scenario: 'a', status: 'unexpected', reason: 'granted, not refused'},
    {...result, scenario: 'b', status: 'failed', reason: 'the client ended'},
    {...result, scenario: 'c', status: 'skipped', reason: 'no FFI'},
    {...result, scenario: 'd', status: 'skipped'},
  ])
  t.deepEqual(annotations, [
    {level: 'error', title: 'a unexpected', message: `${host}: granted, not refused`},
    {level: 'error', title: 'b failed', message: `${host}: the client ended`},
    {
      level: 'notice',
      title: '2 skipped or not judged',
      message: `${host}\nc: no FFI\nd: not judged`,
    },
  ])
})
