import {mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import type {CheckDocument} from '../../harness/documents/check-schema.ts'
import type {Timing} from '../../harness/documents/timing-schema.ts'
import {readRecords} from '../../harness/history/read.ts'
import {temporaryFolder} from '../commands/cli.ts'
import {realDocuments} from '../documents/documents.ts'
import {runOf} from './runs.ts'

function folderWith(t: ExecutionContext, files: Record<string, string>): string {
  const folder = temporaryFolder(t)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

const whole = JSON.stringify(runOf(0))

test('a key that reaches into prototypes has no effect', async (t) => {
  const hostile = whole
    .replace(
      '{',
      '{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}},',
    )
    .replace('"bind":{', '"bind":{"__proto__": {"polluted": true},')
  const {records} = await readRecords([folderWith(t, {'report.json': hostile})])
  t.is(records.length, 1)
  t.false('polluted' in {})
  const [measure] = records[0]?.measures ?? []
  t.false('polluted' in (measure ?? {}))
  t.is(Object.getPrototypeOf(measure), Object.prototype)
})

test('what is not a document is named if it has the name of one, or is broken; other JSON is not', async (t) => {
  const folder = folderWith(t, {
    'report.json': whole,
    'timing.json': '{"format": "of another program"}',
    'check.json': '[]',
    'matrix.json.gz': 'not compressed',
    'saved.json': '{"format": "rebind-report", ',
    'tsconfig.json': '{"strict": true}',
    'huge.json': '',
    'newer.json': '{"format": "rebind-report", "version": 2}',
    'wrong.json': '{"format": "rebind-report", "version": 1, "run": 7}',
  })
  truncateSync(join(folder, 'huge.json'), 17 * 1024 * 1024)
  const {skipped} = await readRecords([folder])
  const told = Object.fromEntries(
    skipped.map(({file, because}) => [file.slice(folder.length + 1), because]),
  )
  const expected: Record<string, RegExp> = {
    'check.json': /^is JSON, but not a rebind document; fetch it again/,
    'huge.json': /^is 17 MB large/,
    'matrix.json.gz': /^is not a complete gzip file/,
    'newer.json': /^has version 2, and this rebind knows version 1; update rebind$/,
    'saved.json': /^is cut off in the middle; download it again/,
    'timing.json': /^is a document of the format "of another program"; name reports/,
    'wrong.json': /^is not a valid rebind document at run /,
  }
  t.deepEqual(Object.keys(told).sort(), Object.keys(expected))
  for (const [name, because] of Object.entries(expected)) t.regex(told[name] ?? '', because, name)
})

test('a check that is there twice counts once, also without an id; another one of that day counts', async (t) => {
  const {check} = await realDocuments()
  const {problem: _, ...measured} = check as {problem?: unknown}
  const folder = temporaryFolder(t)
  const write = (name: string, changes: object) => {
    mkdirSync(join(folder, name), {recursive: true})
    writeFileSync(join(folder, name, 'check.json'), JSON.stringify({...measured, ...changes}))
  }
  write('a/2026-01-09T00-00-00Z-1a2b', {})
  write('b/2026-01-09T00-00-00Z-1a2b', {})
  write('b/2026-01-09T00-00-00Z-3c4d', {safe: true})
  write('b/2026-01-10T00-00-00Z-1a2b', {})
  const {records} = await readRecords([folder])
  t.deepEqual(
    records.map(({file}) => file.slice(folder.length + 1, folder.length + 13)),
    ['a/2026-01-09', 'b/2026-01-09', 'b/2026-01-10'],
  )
})

test('what measured nothing is named and passed over: a check with a problem, a timing that was cut short', async (t) => {
  const {check, timing} = await realDocuments()
  const {host: machine} = check as CheckDocument
  const host = {...machine, label: 'ubuntu-24.04'}
  const problem = {kind: 'exited', message: 'it ended', remedy: 'look'}
  const whole = timing as Timing
  const {ports} = whole.summary
  const interrupted = {...whole, run: {...whole.run, id: 'i', interrupted: 'SIGINT'}}
  const early = {...whole, run: {...whole.run, id: 'e'}, summary: {...whole.summary, released: 1}}
  const folder = folderWith(t, {
    'check.json': JSON.stringify({...(check as CheckDocument), host, problem}),
    'interrupted.json': JSON.stringify(interrupted),
    'early.json': JSON.stringify(early),
    'timing.json': JSON.stringify(whole),
  })
  const {records, skipped} = await readRecords([folder])
  t.is(records.length, 1)
  const told = skipped.map(({file, because}) => [file.slice(folder.length + 1), because] as const)
  t.deepEqual(
    told.map(([name]) => name),
    ['check.json', 'early.json', 'interrupted.json'],
  )
  t.regex(told[0]?.[1] ?? '', /^measured nothing on ubuntu-24\.04 \(exited\); it says itself why/)
  t.regex(told[1]?.[1] ?? '', new RegExp(`^ended with 1 of ${ports} ports released`))
  t.regex(told[2]?.[1] ?? '', /^was interrupted with \d+ of \d+ ports released/)
})

test('numbers that no clock gives are not read, and break nothing for others', async (t) => {
  const [first] = runOf(1).results
  const odd = (id: string, changes: object) => {
    const report = runOf(1)
    const results = [{...first, ...changes}]
    return JSON.stringify({...report, run: {...report.run, id}, results})
  }
  const none = {bind: null, outageSeconds: null}
  const folder = folderWith(t, {
    'report.json': whole,
    'a.json': odd('a', {...none, measurements: {longestGapSeconds: -1}}),
    'b.json': odd('b', {...none, outageSeconds: 1e308}),
    'c.json': odd('c', {...none, measurements: {temperature: -1}}),
  })
  const {records, skipped} = await readRecords([folder])
  t.is(records.length, 2)
  t.deepEqual(
    skipped.map(({file}) => file.slice(folder.length + 1)),
    ['a.json', 'b.json'],
  )
  t.regex(skipped[0]?.because ?? '', /not a valid rebind document at results\[0\]\.measurements/)
})

test('a date that documents do not have is not taken from a log or file', async (t) => {
  const {run, host} = runOf(0)
  const matrix = {
    ...{format: 'rebind-matrix', version: 1, host, cells: [], wallSeconds: 1},
    agreement: {agreeing: 0, disagreeing: 0, unknown: 0},
  }
  const folder = folderWith(t, {
    'matrix.json': JSON.stringify(matrix),
    'events.ndjson': `${JSON.stringify({startedAt: '+012345-01-01T00:00:00Z'})}\n`,
  })
  const time = new Date(run.startedAt)
  utimesSync(join(folder, 'matrix.json'), time, time)
  const {records} = await readRecords([folder])
  t.like(records[0], {at: run.startedAt, dated: 'file'})
})

test('links are not followed, so that a circle of them ends', async (t) => {
  const folder = folderWith(t, {'report.json': whole})
  mkdirSync(join(folder, 'below'))
  symlinkSync(folder, join(folder, 'below', 'circle'))
  const {records} = await readRecords([folder])
  t.is(records.length, 1)
})

test('a log beside a document says when it was made, if nothing else does', async (t) => {
  const {run, host} = runOf(0)
  const matrix = {
    ...{format: 'rebind-matrix', version: 1, host, cells: [], wallSeconds: 1},
    agreement: {agreeing: 0, disagreeing: 0, unknown: 0},
  }
  const folder = folderWith(t, {
    'matrix.json': JSON.stringify(matrix),
    'events.ndjson': `${JSON.stringify({event: 'run-start', startedAt: run.startedAt})}\n{}`,
  })
  const {records} = await readRecords([folder])
  t.like(records[0], {at: run.startedAt, dated: 'log'})
})
