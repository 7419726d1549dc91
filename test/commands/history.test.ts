import {cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {historySchema} from '../../harness/documents/history-schema.ts'
import {realDocuments, recordedGvisor, recordedLinux} from '../documents/documents.ts'
import {runOf, withWait, writeReport, writeRuns} from '../history/runs.ts'
import {complaintsOf, runCli, runFolder, stackTrace, temporaryFolder} from './cli.ts'

const scenario = 'server-closes-first'

/** Runs of one system whose kernel keeps the port for half as long since the twelfth. */
function halved(folder: string): void {
  writeRuns(folder, 24, (report, index) =>
    index < 12
      ? {}
      : {
          ...withWait(report, scenario, 30 + (index % 5) / 10),
          host: {...report.host, release: '6.19.1'},
        },
  )
}

async function historyOf(t: ExecutionContext, args: string[]) {
  const ended = await runCli(t, ['history', '--out', temporaryFolder(t), '--json', ...args])
  t.is(ended.status, 0, ended.stderr)
  return historySchema.parse(JSON.parse(ended.stdout))
}

test('many runs become one page and one document; what moved is first, what is broken is named', async (t) => {
  const [runs, out] = [temporaryFolder(t), temporaryFolder(t)]
  halved(runs)
  const cut = join(runs, '2026-01-02T00-00-00Z-ffff')
  mkdirSync(cut)
  writeFileSync(join(cut, 'report.json'), '{"format": "rebind-report", "vers')
  writeFileSync(join(runs, 'package.json'), '{"name": "of another program"}')
  const {status, stdout, stderr} = await runCli(t, ['history', '--out', out, runs])
  t.is(status, 0, stderr)
  t.regex(stdout, /^1 of 73 lines moved, most recently in the run of 2026-01-03 04:23$/m)
  t.regex(
    stdout,
    /^- server-closes-first, Linux x64: 6[01]\.\d+ s \(.+\) in 12 runs before, 30\.\d+ s .+ since 2026-01-03 04:23; there, kernel \S+ became 6\.19\.1 \(.+report\.json\)$/m,
  )
  t.regex(stdout, /^Passed over\n- \S+-ffff\/report\.json is cut off in the middle/m)
  t.notRegex(stdout, /package\.json/)
  const folder = runFolder(out)
  const page = readFileSync(join(folder, 'report.html'), 'utf8')
  t.regex(page, /<h1>Rebind history<\/h1>/)
  t.true((page.match(/<svg/g)?.length ?? 0) >= 2)
  const text = readFileSync(join(folder, 'history.json'), 'utf8')
  const {series, runs: read, moved} = historySchema.parse(JSON.parse(text))
  t.is(series[0]?.subject, scenario)
  t.is(read[moved[0]?.file ?? 0]?.file, join(runs, runOf(12).run.id, 'report.json'))
  for (const {file} of read)
    t.is(text.split(JSON.stringify(file)).length, 2, 'its name is there once')
})

test('reports, timings, checks and matrices of any systems are read, wherever they lie', async (t) => {
  const folder = temporaryFolder(t)
  cpSync(recordedLinux, join(folder, 'a', 'linux'), {recursive: true})
  cpSync(recordedGvisor, join(folder, 'b', 'gvisor'), {recursive: true})
  const {check, policies} = await realDocuments()
  const {problem: _, ...measured} = check as {problem?: unknown}
  const dated = join(folder, '2026-11-27T14-40-03Z-1a2b')
  mkdirSync(dated)
  writeFileSync(join(dated, 'check.json'), JSON.stringify(measured))
  writeFileSync(join(dated, 'policies.json'), JSON.stringify(policies))
  const {runs, series, skipped} = await historyOf(t, [folder])
  t.deepEqual([...new Set(runs.map(({kind}) => kind))].sort(), [
    'check',
    'matrix',
    'report',
    'timing',
  ])
  t.is(runs.length, 7)
  t.deepEqual(skipped, [])
  t.is(runs.find(({kind}) => kind === 'check')?.at, '2026-11-27T14:40:03.000Z')
  t.deepEqual([...new Set(series.map(({system}) => system))].sort(), [
    'Linux x64',
    'gVisor 20221219 x64',
  ])
  const server = series.find(({subject}) => subject === 'check 3000: node server.js')
  t.like(server?.points[0], {value: null, answer: 'not safe'})
  t.truthy(series.find(({subject}) => subject === 'timing TIME_WAIT'))
})

test('a run that is there twice counts once; a document that is named is read under any name', async (t) => {
  const [folder, copies] = [temporaryFolder(t), temporaryFolder(t)]
  const path = writeReport(folder, runOf(0))
  cpSync(path, join(copies, 'of an artifact'), {recursive: true})
  const named = join(copies, 'saved.txt')
  writeFileSync(named, JSON.stringify(runOf(1)))
  const {runs} = await historyOf(t, [folder, folder, copies, named])
  t.deepEqual(
    runs.map(({file}) => file),
    [join(path, 'report.json'), named],
  )
})

test('exports have the newest time of each line, or every point', async (t) => {
  const [runs, out] = [temporaryFolder(t), temporaryFolder(t)]
  writeRuns(runs, 3)
  const files = ['csv', 'bmf', 'github-action-benchmark'].map((name) => join(out, name))
  const exports = files.flatMap((file) => ['--export', `${file.split('/').at(-1)}=${file}`])
  const {status, stderr} = await runCli(t, [
    'history',
    '--out',
    join(out, 'logs'),
    ...exports,
    runs,
  ])
  t.is(status, 0, stderr)
  const [csv = '', bmf = '', benchmarks = ''] = files.map((file) => readFileSync(file, 'utf8'))
  const [header, ...rows] = csv.trimEnd().split('\r\n')
  t.is(header, 'subject,system,at,value,low,high,answer,runs,release,node,rebind,file')
  t.is(rows.length, 3 * 73)
  t.regex(rows[0] ?? '', /^server-closes-first,Linux x64,2026-01-01T04:23:00\.000Z,6[01]\.\d+,/)
  const name = 'server-closes-first (Linux x64)'
  const {value, lower_value, upper_value} = JSON.parse(bmf)[name].seconds
  t.true(lower_value < value && value <= upper_value && value > 59)
  const entry = JSON.parse(benchmarks).find((each: {name: string}) => each.name === name)
  t.like(entry, {unit: 's', value})
  t.regex(entry.extra, /^2026-01-01T12:23:00\.000Z, 6\.18\.\S+, Node /)
})

test('where there is nothing to show, one line says what to do', async (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'node_modules'))
  writeReport(join(folder, 'node_modules'), runOf(0))
  const broken = temporaryFolder(t)
  writeFileSync(join(broken, 'report.json'), '')
  for (const [args, complaint] of [
    [[folder], /no report, timing, check or matrix in .+; name the folder that contains/],
    [[broken], /\(1 passed over: .+report\.json is empty.+\); name the folder that contains/],
    [[join(folder, 'nowhere')], /cannot read .+nowhere \(ENOENT\); name a run folder/],
    [[], /missing required argument 'path'/],
    [[folder, '--reporter', 'junit=x'], /NAME=FILE, with one of these names/],
  ] as const) {
    const out = join(folder, 'out')
    const {status, stdout, stderr} = await runCli(t, ['history', '--out', out, ...args])
    t.deepEqual([status, stdout], [2, ''], stderr)
    t.is(complaintsOf(stderr).length, 1, stderr)
    t.regex(stderr, complaint)
    t.notRegex(stderr, stackTrace)
    t.false(existsSync(out))
  }
})

test('compare judges the newest run by the last ones before it', async (t) => {
  const folder = temporaryFolder(t)
  writeRuns(folder, 12)
  const same = await runCli(t, ['compare', '--baseline-last', '10', folder])
  t.is(same.status, 0, `${same.stdout}${same.stderr}`)
  t.regex(same.stdout, /73 scenarios against the baseline: 0 differences, 0 not compared/)
  const results = temporaryFolder(t)
  writeReport(
    results,
    runOf(12, (report) => withWait(report, scenario, 30)),
  )
  writeFileSync(join(results, 'matrix.json'), '{')
  const junit = join(results, 'junit.xml')
  const args = ['--baseline-last', '10', folder, results, '--reporter', `junit=${junit}`]
  const moved = await runCli(t, ['compare', ...args])
  t.is(moved.status, 1, moved.stderr)
  t.regex(moved.stdout, /^- server-closes-first: 30\.000 s, the last 10 runs allow /m)
  t.regex(moved.stderr, /^rebind: passed over: .+matrix\.json is cut off/m)
  t.regex(readFileSync(junit, 'utf8'), /failures="1"/)
  const first = await runCli(t, ['compare', '--baseline-last', '10', results])
  t.is(first.status, 3, first.stderr)
  t.regex(first.stdout, /no earlier report of Linux x64 6\.18; keep the runs/)
})

test('a copy of the newest check changes nothing; a newest one that is cut off is not passed over in silence', async (t) => {
  const {check} = await realDocuments()
  const {problem: _, ...measured} = check as {problem?: unknown}
  const folder = temporaryFolder(t)
  const write = (name: string, text: string) => {
    mkdirSync(join(folder, name), {recursive: true})
    writeFileSync(join(folder, name, 'check.json'), text)
  }
  for (const day of [1, 2, 3, 4, 5, 6]) {
    write(`c/2026-01-0${day}T00-00-00Z-1a2b`, JSON.stringify({...measured, safe: true}))
  }
  const newest = JSON.stringify({...measured, safe: false})
  write('new/2026-01-09T00-00-00Z-1a2b', newest)
  write('copy/2026-01-09T00-00-00Z-1a2b', newest)
  write('cut/2026-01-09T00-00-00Z-1a2b', newest.slice(0, 100))
  const compared = (...names: string[]) => {
    const paths = names.map((name) => join(folder, name))
    return runCli(t, ['compare', '--baseline-last', '20', ...paths])
  }
  const [once, twice, cut] = await Promise.all([
    compared('c', 'new'),
    compared('c', 'copy', 'new'),
    compared('c', 'cut'),
  ])
  t.is(once.status, 1, once.stderr)
  t.is(twice.status, 1, twice.stderr)
  t.is(cut.status, 3, cut.stderr)
  t.regex(cut.stdout, /cut\S+check\.json.*is cut off in the middle/)
})

test('with --baseline-last, folders are needed, and not another baseline', async (t) => {
  const [none, both] = await Promise.all([
    runCli(t, ['compare', '--baseline-last', '10']),
    runCli(t, ['compare', '--baseline-last', '10', '--baseline', 'a', 'b']),
  ])
  t.deepEqual([none.status, both.status], [2, 2])
  t.regex(none.stderr, /--baseline-last looks for runs in folders; name one or more/)
  t.regex(both.stderr, /cannot be used with option '--baseline/)
})

test('other than the page and its data, history writes nothing', async (t) => {
  const [runs, out] = [temporaryFolder(t), temporaryFolder(t)]
  writeRuns(runs, 2)
  const before = readdirSync(runs, {recursive: true})
  await runCli(t, ['history', '--out', out, runs])
  t.deepEqual(readdirSync(runs, {recursive: true}), before)
  t.deepEqual(readdirSync(runFolder(out)).sort(), ['history.json', 'history.md', 'report.html'])
})
