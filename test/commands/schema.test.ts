import {existsSync, readdirSync, readFileSync} from 'node:fs'
import {createServer} from 'node:net'
import {join} from 'node:path'
import {gunzipSync} from 'node:zlib'
import {Ajv2020, type ValidateFunction} from 'ajv/dist/2020.js'
import test, {type ExecutionContext} from 'ava'
import {jsonSchemaOf, type SchemaName, schemaNames} from '../../harness/commands/schemas.ts'
import type {Result} from '../../harness/documents/report-schema.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {freePort} from '../check/servers.ts'
import {realDocuments, recordedLinux} from '../documents/documents.ts'
import {
  complaintsOf,
  projectFolder,
  runCli,
  runFolder,
  startCli,
  startProgram,
  temporaryFolder,
  testUnless,
} from './cli.ts'

// The schemas give a pattern beside the format, which is what is checked.
const ajv = new Ajv2020({strict: true, strictTypes: false, strictTuples: false, allErrors: true})
ajv.addFormat('date-time', true)
const validators = new Map<string, ValidateFunction>()
for (const name of schemaNames) validators.set(name, ajv.compile(await jsonSchemaOf(name)))

function isValid(t: ExecutionContext, name: SchemaName, document: unknown, what: string): void {
  const validate = validators.get(name)
  t.true(validate?.(document), `${what}: ${ajv.errorsText(validate?.errors?.slice(0, 5))}`)
}

interface Node {
  properties?: Record<string, Node>
  description?: string
  [keyword: string]: unknown
}

/** The properties without a description, but for the two that say which document it is. */
function undescribed(node: unknown, path: string): string[] {
  if (typeof node !== 'object' || node === null) return []
  const {properties = {}, ...rest} = node as Node
  const own = Object.entries(properties).flatMap(([name, property]) => [
    ...(property.description === undefined && !['format', 'version', 'event'].includes(name)
      ? [`${path}.${name}`]
      : []),
    ...undescribed(property, `${path}.${name}`),
  ])
  return [...own, ...Object.values(rest).flatMap((value) => undescribed(value, path))]
}

for (const name of schemaNames) {
  test(`the schema of ${name} says what it is, and describes every field`, async (t) => {
    const schema = await jsonSchemaOf(name)
    t.is(schema.$schema, 'https://json-schema.org/draft/2020-12/schema')
    t.is(schema.$id, `urn:rebind:schema:${name}:1`)
    t.regex(String(schema.title), /^Rebind: ./)
    t.deepEqual(undescribed(schema, name), [])
  })
}

test('schema lists the documents, and prints one; the package publishes the same', async (t) => {
  const folder = temporaryFolder(t)
  const [listed, printed, written] = await Promise.all([
    runCli(t, ['schema']),
    runCli(t, ['schema', 'report']),
    startProgram(t, [process.execPath, '--import=tsx', 'docs/schemas.ts', folder]).ended,
  ])
  t.is(listed.status, 0)
  t.deepEqual(
    listed.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[0]),
    schemaNames,
  )
  t.is(printed.status, 0)
  t.is(written.status, 0, written.stderr)
  t.deepEqual(readdirSync(folder).sort(), schemaNames.map((name) => `${name}.json`).sort())
  t.is(printed.stdout, readFileSync(join(folder, 'report.json'), 'utf8'))
  const {exports, scripts} = JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8'))
  t.is(exports['./schemas/*.json'], './dist/schemas/*.json')
  t.regex(scripts['build:schemas'], /docs\/schemas\.ts dist\/schemas$/)
})

test('schema of an unknown document names the closest, and exit status 2', async (t) => {
  const {status, stdout, stderr} = await runCli(t, ['schema', 'reprot'])
  t.is(status, 2)
  t.is(stdout, '')
  t.deepEqual(complaintsOf(stderr), [
    `rebind: unknown document "reprot"; the closest is report; all: ${schemaNames.join(', ')}`,
  ])
})

test('an unknown document that resembles none is answered with all of them', async (t) => {
  const {status, stderr} = await runCli(t, ['schema', 'nope'])
  t.is(status, 2)
  t.deepEqual(complaintsOf(stderr), [
    `rebind: unknown document "nope"; all: ${schemaNames.join(', ')}`,
  ])
})

test('an independent validator accepts what was recorded, and a document of every kind', async (t) => {
  const recorded = join(projectFolder, 'logs', 'recorded')
  let found = 0
  for (const system of readdirSync(recorded)) {
    for (const name of schemaNames) {
      const file = join(recorded, system, `${name}.json.gz`)
      if (!existsSync(file)) continue
      isValid(t, name, JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')), file)
      found++
    }
  }
  t.true(found >= 4)
  for (const [kind, document] of Object.entries(await realDocuments())) {
    const {format} = document
    isValid(
      t,
      format.replace('rebind-', '') as SchemaName,
      JSON.parse(JSON.stringify(document)),
      kind,
    )
  }
})

test('it rejects a document that lacks a field, or has another type there', async (t) => {
  const {report, matrix} = await realDocuments()
  const {host, ...withoutHost} = report as {host: unknown}
  t.false(validators.get('report')?.(withoutHost))
  t.false(validators.get('report')?.({...report, host, results: 'none'}))
  t.false(validators.get('matrix')?.(report))
  t.false(validators.get('events')?.({...matrix, event: 'bind-attempt'}))
  const line = {level: 30, run: 'r', scenario: null, event: 'run-end', seconds: 1}
  t.true(validators.get('events')?.(line))
  t.false(validators.get('events')?.({...line, event: 'unheard-of'}))
})

function eventsAreValid(t: ExecutionContext, out: string): void {
  const text = readFileSync(join(runFolder(out), 'events.ndjson'), 'utf8')
  for (const line of text.trimEnd().split('\n')) isValid(t, 'events', JSON.parse(line), line)
}

test('what run writes is valid, and so is every line of its log', async (t) => {
  const out = temporaryFolder(t)
  const {status, stdout, stderr} = await runCli(t, ['run', '--quick', '--json', '--out', out])
  const report = JSON.parse(stdout)
  isValid(t, 'report', report, 'report')
  const failed = report.results.filter((each: Result) => each.status === 'failed')
  for (const {reason} of failed) t.regex(reason, /^too slow here: /)
  t.true([0, 1].includes(status ?? 3) || failed.length > 0, stderr)
  eventsAreValid(t, out)
})

const server =
  "require('net').createServer((socket) => socket.on('error', () => {})).listen(Number(process.env.PORT), '127.0.0.1')"

test('what check writes is valid, and so is every line of its log', async (t) => {
  const out = temporaryFolder(t)
  const port = await freePort(t)
  const args = ['check', '--port', String(port), '--limit', '2', '--json', '--out', out]
  const {stdout, stderr} = await runCli(t, [...args, '--', process.execPath, '-e', server])
  isValid(t, 'check', JSON.parse(stdout || 'null'), stderr)
  eventsAreValid(t, out)
})

testUnless(
  nativeOpenerProblem(),
  'what timing and matrix write is valid, and so is every line of their logs',
  async (t) => {
    const [timings, matrices] = [temporaryFolder(t), temporaryFolder(t)]
    const few = ['--ports', '2', '--spread', '0.1', '--limit', '1']
    const [timing, matrix] = await Promise.all([
      runCli(t, ['timing', ...few, '--json', '--out', timings]),
      runCli(t, ['matrix', '--address', '127.0.0.1', '--json', '--out', matrices]),
    ])
    isValid(t, 'timing', JSON.parse(timing.stdout), timing.stderr)
    isValid(t, 'matrix', JSON.parse(matrix.stdout), matrix.stderr)
    eventsAreValid(t, timings)
    eventsAreValid(t, matrices)
  },
)

test('what list, why, watch, survey and compare print is valid', async (t) => {
  const listening = createServer().listen(0, '127.0.0.1')
  t.teardown(() => void listening.close())
  await new Promise((resolve) => listening.once('listening', resolve))
  const {port} = listening.address() as {port: number}
  const folder = temporaryFolder(t)
  const [list, whyPort, whyPath, listeners, free, survey, compared, judged] = await Promise.all([
    runCli(t, ['list', '--json']),
    runCli(t, ['why', String(port), '--json']),
    runCli(t, ['why', join(folder, 'no.sock'), '--json']),
    runCli(t, ['why', '--json']),
    runCli(t, ['free', String(port), '--dry-run', '--json']),
    runCli(t, ['survey', '--only', 'node', '--limit', '1', '--json', '--out', folder]),
    runCli(t, ['compare', '--json']),
    runCli(t, ['compare', '--baseline', recordedLinux, recordedLinux, '--json']),
  ])
  isValid(t, 'list', JSON.parse(list.stdout), list.stderr)
  isValid(t, 'why', JSON.parse(whyPort.stdout), whyPort.stderr)
  isValid(t, 'why', JSON.parse(whyPath.stdout), whyPath.stderr)
  if (nativeOpenerProblem() === undefined) {
    isValid(t, 'free', JSON.parse(free.stdout), free.stderr)
  }
  isValid(t, 'listeners', JSON.parse(listeners.stdout), listeners.stderr)
  isValid(t, 'survey', JSON.parse(survey.stdout), survey.stderr)
  isValid(t, 'compare', JSON.parse(compared.stdout), compared.stderr)
  isValid(t, 'compare', JSON.parse(judged.stdout), judged.stderr)
  eventsAreValid(t, folder)

  const watch = startCli(t, ['watch', String(port), '--json'])
  await watch.shows(/\n/, 'stdout')
  watch.child.kill('SIGINT')
  const {stdout} = await watch.ended
  for (const line of stdout.trimEnd().split('\n')) isValid(t, 'watch', JSON.parse(line), line)
})
