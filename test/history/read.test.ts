import {mkdirSync, symlinkSync, truncateSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {readRecords} from '../../harness/history/read.ts'
import {temporaryFolder} from '../commands/cli.ts'
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
