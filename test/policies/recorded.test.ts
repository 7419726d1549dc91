import {mkdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import type {Report, Result} from '../../harness/documents/report-schema.ts'
import type {Timing} from '../../harness/documents/timing-schema.ts'
import {UsageError} from '../../harness/errors.ts'
import {newestReleases, readReleases, releasesOf} from '../../harness/policies/recorded.ts'
import {temporaryFolder} from '../commands/cli.ts'
import {test} from '../declare.ts'
import {realDocuments} from '../documents/documents.ts'

function report(...results: Partial<Result>[]): Report {
  return {format: 'rebind-report', version: 1, host: {}, results} as unknown as Report
}

function result(
  scenario: string,
  residue: string,
  verdict: string,
  residueSeconds: number | null,
): Partial<Result> {
  const bind = {verdict, residueSeconds, attempts: 9}
  return {scenario, status: 'as-expected', expected: {residue}, bind} as unknown as Partial<Result>
}

test('of a report the TIME_WAITs that were waited out count, and nothing else', (t) => {
  const given = report(
    result('a', 'TIME_WAIT', 'delayed', 60.5),
    result('b', 'TIME_WAIT', 'immediate', 0.01),
    result('c', 'FIN_WAIT2', 'delayed', 61),
    result('d', 'TIME_WAIT', 'blocked', null),
    result('policy-x', 'TIME_WAIT', 'delayed', 61.5),
  )
  const {releaseSeconds, played} = releasesOf(given, 'report.json')
  t.deepEqual(releaseSeconds, [60.5, 61.5])
  t.deepEqual([...played.keys()], ['policy-x'])
})

test('a report without a TIME_WAIT that was waited out is refused, with what to do', (t) => {
  const error = t.throws(
    () => releasesOf(report(result('b', 'TIME_WAIT', 'immediate', 0.01)), 'report.json'),
    {instanceOf: UsageError},
  )
  t.regex(error?.message ?? '', /^report\.json contains no TIME_WAIT.*--measure/)
})

test('a timing of FIN_WAIT2 says nothing about TIME_WAIT', (t) => {
  const given = {format: 'rebind-timing', residue: 'FIN_WAIT2', samples: []} as unknown as Timing
  t.throws(() => releasesOf(given, 'timing.json'), {instanceOf: UsageError, message: /FIN_WAIT2/})
})

test('a folder without runs, and one that is not there, have no newest release', async (t) => {
  t.is(await newestReleases(temporaryFolder(t)), undefined)
  t.is(await newestReleases('/nowhere'), undefined)
})

test('what has a format that is no word is refused, also where it would have to be turned into one', async (t) => {
  const file = join(temporaryFolder(t), 'timing.json')
  for (const format of [{toString: 'delayed'}, ['rebind-timing'], null, '__proto__']) {
    writeFileSync(file, JSON.stringify({format, version: 1}))
    await t.throwsAsync(readReleases(file), {
      instanceOf: UsageError,
      message: /is neither a rebind report nor a rebind timing/,
    })
  }
})

test('a port that was kept for more than ten minutes is not believed: a policy would try for as long', (t) => {
  const timing = (waitSeconds: number) =>
    ({
      ...{format: 'rebind-timing', residue: 'TIME_WAIT', host: {}},
      samples: [{waitSeconds: 60}, {waitSeconds}],
    }) as unknown as Timing
  t.throws(() => releasesOf(timing(601), 'timing.json'), {
    instanceOf: UsageError,
    message:
      /^timing\.json contains a port that was kept for more than ten minutes; name a run folder/,
  })
  t.deepEqual(releasesOf(timing(240), 'timing.json').releaseSeconds, [60, 240])
  t.throws(() => releasesOf(report(result('a', 'TIME_WAIT', 'delayed', 1e9)), 'report.json'))
})

test('a timing that ended early is passed over, and that is said', async (t) => {
  const folder = temporaryFolder(t)
  const {timing} = await realDocuments()
  const whole = timing as Timing
  const write = (name: string, changes: object) => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'timing.json'), JSON.stringify({...whole, ...changes}))
  }
  write('2026-01-01T00-00-00Z-1a2b', {})
  write('2026-01-02T00-00-00Z-1a2b', {run: {...whole.run, interrupted: 'SIGINT'}})
  write('2026-01-03T00-00-00Z-1a2b', {summary: {...whole.summary, released: 1}})
  const told: string[] = []
  const newest = await newestReleases(folder, (problem) => told.push(problem))
  t.regex(newest?.file ?? '', /2026-01-01/)
  t.is(told.length, 2)
  t.regex(told[0] ?? '', /2026-01-03.+ended with 1 of \d+ ports released/)
  t.regex(told[1] ?? '', /2026-01-02.+was interrupted with/)
  await t.throwsAsync(readReleases(join(folder, '2026-01-02T00-00-00Z-1a2b')), {
    instanceOf: UsageError,
    message: /was interrupted with/,
  })
})
