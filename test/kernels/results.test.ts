import {readdirSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {gunzipSync} from 'node:zlib'
import test from 'ava'
import {readDocuments} from '../../harness/compare/documents.ts'
import {CannotBoot} from '../../harness/kernels/programs.ts'
import {provenanceOf} from '../../harness/kernels/provenance.ts'
import {checked, type Printed, record} from '../../harness/kernels/results.ts'
import {temporaryFolder} from '../commands/cli.ts'
import {realDocuments, recordedReport} from '../documents/documents.ts'

const report = recordedReport()
const printed: Printed = {document: 'report', status: 0, json: JSON.stringify(report), log: ''}
const found = {system: '6.1', kernel: null, ingredients: []}

test('what was measured is judged by the worst of its exit statuses', async (t) => {
  const {timing} = await realDocuments()
  const late: Printed = {document: 'timing', status: 1, json: JSON.stringify(timing), log: ''}
  const {host, status} = checked([printed, late])
  t.is(status, 1)
  t.deepEqual(host, report.host)
})

test('what could not be measured is not recorded: a run that failed says which scenarios, and why', (t) => {
  const [first, ...others] = report.results
  const failed = {...first, status: 'failed', reason: 'too slow here: nothing moved'}
  const json = JSON.stringify({...report, results: [failed, ...others]})
  const error = t.throws(() => checked([{...printed, status: 3, json}]), {instanceOf: CannotBoot})
  t.regex(error?.message ?? '', /exit status 3\): [\w-]+: too slow here: nothing moved/)
})

test('what is not the document of its command is not recorded', (t) => {
  for (const json of ['', 'Segmentation fault', '{}', JSON.stringify({...report, host: null})]) {
    const error = t.throws(() => checked([{...printed, json, log: 'last words\n'}]))
    t.regex(error?.message ?? '', /report could not be measured \(exit status 0\): last words/)
  }
})

test('a system is a folder of compressed documents, that takes the place of the one before', async (t) => {
  const parent = temporaryFolder(t)
  const provenance = provenanceOf(found, ['--only', '6.1'])
  const results = checked([printed])
  for (const _ of ['first', 'second']) await record(parent, 'linux-6.1', results, provenance)
  t.deepEqual(readdirSync(parent), ['linux-6.1'])
  const folder = join(parent, 'linux-6.1')
  t.deepEqual(readdirSync(folder).sort(), ['provenance.json', 'report.json.gz'])
  t.is(gunzipSync(readFileSync(join(folder, 'report.json.gz'))).toString('utf8'), printed.json)
  t.deepEqual((await readDocuments(folder))[0]?.content, report)
  const {command, node} = JSON.parse(readFileSync(join(folder, 'provenance.json'), 'utf8'))
  t.is(command, 'npm run kernels -- --only 6.1')
  t.regex(node.integrity, /^sha512-/)
})
