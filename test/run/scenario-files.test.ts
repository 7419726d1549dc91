import {readdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {UsageError} from '../../harness/errors.ts'
import {chooseScenarios} from '../../harness/run/choose.ts'
import {readScenarioFiles} from '../../harness/run/scenario-file.ts'
import {scenarioProblem} from '../../harness/run/scenario-schema.ts'
import {scenarios} from '../../scenarios/index.ts'
import {readReport, runCli, temporaryFolder} from '../commands/cli.ts'

const body = `{
  title: 'Mine',
  claim: 'It is mine.',
  predecessor: {opener: 'node'},
  successor: {opener: 'node'},
  async script({server, client, successor}) {
    await client.connect()
    await server.abortConnection()
    await server.exit()
    await successor.start()
  },
  residue: {server: 'none'},
}`
const whole = `import {scenario} from 'rebind'
const typed: number = 1
export default scenario(${body})
`
const withArms = whole.replace(
  "residue: {server: 'none'},",
  "$&\n  arms: {one: {}, other: {title: 'Other'}},",
)

test("a scenario in a file of one's own is played alone, under the name of its file", async (t) => {
  const cwd = temporaryFolder(t)
  writeFileSync(join(cwd, 'mine.mts'), whole)
  const {status, stderr} = await runCli(t, ['run', '--scenario', './mine.mts', '--out', 'runs'], {
    cwd,
  })
  t.is(status, 0, stderr)
  const {results} = readReport(join(cwd, 'runs'))
  t.deepEqual(
    results.map(({scenario, status}) => [scenario, status]),
    [['mine', 'as-expected']],
  )
})

test("ids choose among built-in scenarios and the arms of one's own", async (t) => {
  const cwd = temporaryFolder(t)
  for (const name of ['mine.mts', 'second.mjs']) {
    writeFileSync(join(cwd, name), name === 'mine.mts' ? withArms : `export default ${body}`)
  }
  const own = ['--scenario', 'mine.mts', '--scenario', 'second.mjs']
  const ids = ['mine/other', 'server-closes-first-node']
  const {status, stderr} = await runCli(t, ['run', ...ids, ...own, '--out', 'runs'], {cwd})
  t.is(status, 0, stderr)
  t.deepEqual(
    readReport(join(cwd, 'runs')).results.map(({scenario}) => scenario),
    ['server-closes-first-node', 'mine/other', 'second'],
  )
})

test('a script that never starts the successor fails instead of waiting for ever', async (t) => {
  const cwd = temporaryFolder(t)
  writeFileSync(join(cwd, 'mine.mts'), whole.replace('await successor.start()', ''))
  const {status, stdout} = await runCli(t, ['run', '--scenario', 'mine.mts', '--json'], {cwd})
  t.is(status, 3)
  t.regex(JSON.parse(stdout).results[0].reason, /ended before successor\.start\(\) was awaited/)
})

const problems: [what: string, file: string, text: string | undefined, complaint: RegExp][] = [
  ['that is not there', 'mine.mts', undefined, /mine\.mts does not exist/],
  ['with broken syntax', 'mine.mts', 'export default {', /mine\.mts cannot be loaded: .*ERROR: /],
  ['that throws', 'mine.mts', 'throw new Error("at load")', /cannot be loaded: at load$/m],
  [
    'without a default export',
    'mine.mts',
    'export const x = 1',
    /has no default export; .*export default scenario/,
  ],
  [
    'that throws nothing',
    'mine.mts',
    'throw undefined',
    /cannot be loaded: it throws something that is not an Error/,
  ],
  ['of bytes', 'mine.mts', '\u0000\u0001\ufffd\u001b[2J', /mine\.mts cannot be loaded: /],
  [
    'that cannot be looked at',
    'mine.mts',
    'export default {get title() { throw new Error("no title") }, script() {}}',
    /is not a scenario: no title/,
  ],
  ['that exports a number', 'mine.mts', 'export default 1', /is not a scenario: expected object/],
  [
    'with a misspelt option',
    'mine.mts',
    whole.replace("{opener: 'node'}", "{bind: 'reusaddr'}"),
    /is not a scenario: predecessor\.bind: .*"reuseaddr"/,
  ],
  [
    'with a misspelt field',
    'mine.mts',
    whole.replace('claim', 'clam'),
    /is not a scenario: claim: /,
  ],
  [
    'with a server that has no opener',
    'mine.mts',
    whole.replace("{opener: 'node'}", '{}'),
    /predecessor: must have either opener/,
  ],
  [
    'with what only a server of Node can be',
    'mine.mts',
    whole.replace("{opener: 'node'}", "{bind: 'none', http: true}"),
    /predecessor: can be http, cluster, reusePort only with opener: 'node'/,
  ],
  [
    'with an empty arms',
    'mine.mts',
    whole.replace("residue: {server: 'none'},", '$& arms: {},'),
    /arms: must have at least one arm/,
  ],
  ['named as a built-in scenario', 'server-aborts.mts', whole, /"server-aborts" is built in/],
  [
    'named as a built-in scenario with arms',
    'dual-stack-over-ipv4.mts',
    whole,
    /"dual-stack-over-ipv4" is built in/,
  ],
  [
    'whose name is no id',
    'my restart.mts',
    whole,
    /my restart\.mts: invalid file name for a scenario/,
  ],
  ['of another kind', 'mine.json', '{}', /mine\.json: invalid file name for a scenario/],
]

for (const [what, file, text, message] of problems) {
  test(`a scenario file ${what} is told in one line`, async (t) => {
    const path = join(temporaryFolder(t), file)
    if (text !== undefined) writeFileSync(path, text)
    const read = async () => chooseScenarios(scenarios, await readScenarioFiles([path]), [])
    const error = await t.throwsAsync(read, {instanceOf: UsageError, message})
    t.notRegex(error.message, /\n/)
  })
}

test('every built-in scenario has the shape that is asked of those in files', (t) => {
  for (const [id, scenario] of Object.entries(scenarios)) {
    t.is(scenarioProblem(scenario), undefined, id)
  }
})

test('a bad scenario file is exit status 2, and makes no run folder', async (t) => {
  const cwd = temporaryFolder(t)
  writeFileSync(join(cwd, 'mine.mts'), 'export default {')
  const {status, stdout, stderr} = await runCli(t, ['run', '--scenario', 'mine.mts'], {cwd})
  t.is(status, 2)
  t.is(stdout, '')
  t.regex(stderr, /^rebind: mine\.mts cannot be loaded: .+\n$/)
  t.deepEqual(readdirSync(cwd), ['mine.mts'])
})

test('two files with the same name are a usage error', async (t) => {
  const folder = temporaryFolder(t)
  const files = ['mine.mts', 'mine.mjs'].map((name) => join(folder, name))
  for (const file of files) writeFileSync(file, `export default ${body}`)
  await t.throwsAsync(readScenarioFiles(files), {
    instanceOf: UsageError,
    message: /mine\.mjs: two files are named mine/,
  })
})
