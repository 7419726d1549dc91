import {execFile} from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import {tmpdir} from 'node:os'
import {basename, join} from 'node:path'
import {validateAction} from '@action-validator/core'
import test, {type ExecutionContext} from 'ava'
import {parse} from 'yaml'
import {commandLine} from '../../harness/commands/command-line.ts'
import type {CheckDocument} from '../../harness/documents/check-schema.ts'
import {reportSchema} from '../../harness/documents/report-schema.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {freePort} from '../check/servers.ts'
import {projectFolder, temporaryFolder, testUnless} from '../commands/cli.ts'
import {
  realDocuments,
  recordedGvisor,
  recordedLinux,
  recordedReport,
} from '../documents/documents.ts'
import {missingProgram} from '../needs.ts'

interface Step {
  id?: string
  name: string
  shell?: string
  env?: Record<string, string>
  run?: string
  uses?: string
}

const text = readFileSync(join(projectFolder, 'action.yml'), 'utf8')
const action = parse(text) as {
  inputs: Record<string, {description: string; default?: string}>
  outputs: Record<string, {value: string}>
  runs: {steps: Step[]}
}
const {steps} = action.runs
const missing = missingProgram('bash')
const cli = join(projectFolder, 'dist', 'harness', 'cli.js')

test('the action is valid by the schema of actions', (t) => {
  t.deepEqual(validateAction(text).errors, [])
  t.true(validateAction(text.replace('using: composite', 'using: nothing')).errors.length > 0)
})

test('every action that it uses is pinned by a commit, with its version beside it', (t) => {
  const uses = text.match(/^ *uses: .+$/gm) ?? []
  t.is(uses.length, steps.filter((step) => step.uses !== undefined).length)
  for (const line of uses) t.regex(line, /uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
})

test('inputs reach a step by its environment only, and every input reaches one', (t) => {
  for (const {name, run} of steps) t.notRegex(run ?? '', /\$\{\{/, name)
  for (const input of Object.keys(action.inputs)) {
    t.regex(
      text,
      new RegExp(
        `^ +[A-Z_]+: \\$\\{\\{ inputs\\.${input} \\}\\}$|name: \\$\\{\\{ inputs\\.${input} \\}\\}`,
        'm',
      ),
    )
  }
  t.deepEqual(Object.keys(action.outputs), ['safe', 'outage-seconds', 'report', 'cli'])
})

interface Ran {
  status: number
  shown: string
  outputs: Record<string, string>
  summary: string
}

/** Where one job of GitHub's runs. */
interface Job {
  folder: string
  results: string
  run(id: string, inputs: Record<string, string>, known?: Record<string, string>): Promise<Ran>
}

/** Executes steps as GitHub's runner does: bash on a file, with the variables that it sets. */
function jobOf(t: ExecutionContext): Job {
  const folder = temporaryFolder(t)
  const results = join(folder, 'results')
  mkdirSync(results)
  return {
    folder,
    results,
    async run(id, inputs, known = {}) {
      const step = steps.find((each) => (each.id ?? each.name) === id)
      if (step?.run === undefined) throw new Error(`no step ${id} has a script`)
      t.is(step.shell, 'bash')
      const values: Record<string, string> = {
        'steps.install.outputs.cli': cli,
        'steps.install.outputs.report': results,
        ...Object.fromEntries(
          Object.entries(inputs).map(([name, value]) => [`inputs.${name}`, value]),
        ),
        ...known,
      }
      const env = Object.fromEntries(
        Object.entries(step.env ?? {}).map(([name, value]) => [
          name,
          value.replace(/\$\{\{ (\S+) \}\}/g, (_, key: string) => values[key] ?? ''),
        ]),
      )
      const files = {
        GITHUB_OUTPUT: join(folder, 'output'),
        GITHUB_STEP_SUMMARY: join(folder, 'summary'),
      }
      for (const file of Object.values(files)) writeFileSync(file, '')
      const script = join(folder, 'script.sh')
      writeFileSync(script, step.run)
      const {status, shown} = await bash(script, folder, {
        ...env,
        ...files,
        ...{GITHUB_ACTIONS: 'true', CI: 'true', RUNNER_TEMP: folder},
      })
      const lines = readFileSync(files.GITHUB_OUTPUT, 'utf8').split('\n').filter(Boolean)
      const outputs = Object.fromEntries(
        lines.map((line) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)]),
      )
      return {status, shown, outputs, summary: readFileSync(files.GITHUB_STEP_SUMMARY, 'utf8')}
    },
  }
}

function bash(
  script: string,
  cwd: string,
  env: Record<string, string>,
): Promise<Pick<Ran, 'status' | 'shown'>> {
  const args = ['--noprofile', '--norc', '-eo', 'pipefail', script]
  return new Promise((resolve) => {
    execFile('bash', args, {cwd, env: {...process.env, ...env}}, (error, stdout, stderr) => {
      resolve({status: Number(error?.code ?? 0), shown: `${stdout}${stderr}`})
    })
  })
}

/** What a title of a pull request could hold; each would leave a file if something obeyed it. */
const hostile = [
  '$(touch hacked)',
  '`touch hacked`',
  '; touch hacked',
  '"; touch hacked; "',
  "'; touch hacked; '",
  'a\ntouch hacked',
  '--scenario=./evil.js',
  '--out=elsewhere',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is GitHub's syntax
  '${{ github.token }}',
  '*',
]

for (const id of ['run', 'matrix', 'timing']) {
  testUnless(missing, `${id} obeys nothing but what it knows`, async (t) => {
    const job = jobOf(t)
    for (const value of hostile) {
      const {status, shown, outputs} = await job.run(id, {[id]: value})
      t.is(status, id === 'run' && value === 'a\ntouch hacked' ? 0 : 2, `${value}: ${shown}`)
      if (status === 0) t.is(outputs.status, '2')
      else t.regex(shown, new RegExp(`^::error title=Rebind::${id} takes true`, 'm'))
    }
    t.deepEqual(readdirSync(job.folder).sort(), ['output', 'results', 'script.sh', 'summary'])
    t.deepEqual(readdirSync(job.results), [])
  })
}

testUnless(
  missing ?? nativeOpenerProblem(),
  'run plays the named scenarios, reports as asked, and leaves its run folder',
  async (t) => {
    const job = jobOf(t)
    const inputs = {run: '--quick server-aborts client-aborts', reporter: 'junit={command}.xml'}
    const {status, shown, outputs, summary} = await job.run('run', inputs)
    t.deepEqual([status, outputs.status], [0, '0'], shown)
    const [id = ''] = readdirSync(job.results)
    const file = readFileSync(join(job.results, id, 'report.json'), 'utf8')
    t.is(reportSchema.parse(JSON.parse(file)).results.length, 2)
    t.true(existsSync(join(job.folder, 'run.xml')))
    t.regex(summary, /server-aborts/)
  },
)

testUnless(
  missing ?? nativeOpenerProblem(),
  'matrix and timing measure what they are asked for',
  async (t) => {
    const job = jobOf(t)
    const matrix = await job.run('matrix', {matrix: '--residue=LISTEN --address=127.0.0.1'})
    t.deepEqual([matrix.status, matrix.outputs.status], [0, '0'], matrix.shown)
    const timing = await job.run('timing', {timing: '--ports=2 --spread=0.1 --limit=0.2'})
    t.deepEqual([timing.status, timing.outputs.status], [0, '3'], timing.shown)
    const kept = readdirSync(job.results, {recursive: true, encoding: 'utf8'})
    t.is(kept.filter((name) => /(matrix|timing)\.json$/.test(name)).length, 2)
  },
)

/** A server that says with which arguments it was started. */
const server = `import {createServer} from 'node:http'
import {writeFileSync} from 'node:fs'
writeFileSync('started.json', JSON.stringify(process.argv.slice(2)))
const server = createServer((_, response) => response.end())
server.listen(Number(process.env.PORT), '127.0.0.1')
process.on('SIGTERM', () => process.exit())
`

testUnless(
  missing,
  'check restarts the command; its words, whatever they are, are its arguments; the outputs say how it went',
  async (t) => {
    const job = jobOf(t)
    writeFileSync(join(job.folder, 'server.mjs'), server)
    const port = String(await freePort(t))
    const words = ['$(touch hacked)', '`touch hacked`', '', '* ; "', '--json']
    const check = ['node', 'server.mjs', ...words].join('\n')
    const {status, shown, outputs} = await job.run('check', {check, port})
    t.deepEqual([status, outputs.status], [0, '0'], shown)
    t.deepEqual(JSON.parse(readFileSync(join(job.folder, 'started.json'), 'utf8')), words)
    t.false(existsSync(join(job.folder, 'hacked')))
    const results = await job.run('results', {})
    t.is(results.outputs.safe, 'true')
    t.regex(results.outputs['outage-seconds'] ?? '', /^\d+\.\d+$/)
  },
)

testUnless(missing, 'a command on one line is parted at its spaces', async (t) => {
  const job = jobOf(t)
  writeFileSync(join(job.folder, 'server.mjs'), server)
  const check = 'node server.mjs --a $(touch>hacked) * '
  const {outputs, shown} = await job.run('check', {check, port: String(await freePort(t))})
  t.is(outputs.status, '0', shown)
  const started = JSON.parse(readFileSync(join(job.folder, 'started.json'), 'utf8'))
  t.deepEqual(started, ['--a', '$(touch>hacked)', '*'])
  t.false(existsSync(join(job.folder, 'hacked')))
})

testUnless(missing, 'a port that is more than a port is refused', async (t) => {
  const job = jobOf(t)
  for (const port of ['', '3000 --trigger x', '$(touch hacked)', '99999']) {
    const {outputs, shown} = await job.run('check', {check: 'node server.mjs', port})
    t.is(outputs.status, '2', shown)
  }
  t.false(existsSync(join(job.folder, 'hacked')))
})

testUnless(
  missing,
  'without a check there are no outputs of one; of a server that did not come back, no outage',
  async (t) => {
    const job = jobOf(t)
    t.deepEqual((await job.run('results', {})).outputs, {})
    mkdirSync(join(job.results, 'a'))
    const rounds = [{outageSeconds: 0.5}, {outageSeconds: null}]
    writeFileSync(join(job.results, 'a', 'check.json'), JSON.stringify({safe: false, rounds}))
    const {outputs} = await job.run('results', {})
    t.deepEqual(outputs, {safe: 'false', 'outage-seconds': ''})
  },
)

testUnless(
  missing ?? nativeOpenerProblem(),
  'baseline compares with earlier runs, if there are any',
  async (t) => {
    const job = jobOf(t)
    const none = await job.run('baseline', {baseline: '$(touch hacked)'})
    t.deepEqual([none.status, none.outputs], [0, {}])
    t.regex(none.shown, /^::notice title=Rebind::there are no earlier runs yet/m)
    await job.run('run', {run: '--quick server-aborts'})
    const earlier = join(job.folder, '-earlier runs')
    cpSync(job.results, earlier, {recursive: true})
    rmSync(job.results, {recursive: true})
    mkdirSync(job.results)
    await job.run('run', {run: '--quick server-aborts'})
    const same = await job.run('baseline', {baseline: '-earlier runs'})
    t.deepEqual([same.status, same.outputs.status], [0, '0'], same.shown)
    t.regex(same.summary, /1 scenario against the baseline: 0 differences/)
    const alone = mkdtempSync(join(tmpdir(), 'rebind-test-'))
    t.teardown(() => rmSync(alone, {recursive: true, force: true}))
    const first = await job.run('baseline', {baseline: alone})
    t.deepEqual([first.status, first.outputs.status], [0, '0'], first.shown)
    t.regex(first.shown, /^::warning title=Rebind::not everything could be compared/m)
  },
)

testUnless(
  missing,
  'it fails with the first status that is not 0, and names what ended with it',
  async (t) => {
    const job = jobOf(t)
    const name = 'Fail if something was not as it should be'
    const known = {'steps.run.outputs.status': '0', 'steps.check.outputs.status': '1'}
    const good = await job.run(name, {}, {'steps.run.outputs.status': '0'})
    t.deepEqual([good.status, good.shown], [0, ''])
    const bad = await job.run(name, {}, {...known, 'steps.baseline.outputs.status': '3'})
    t.is(bad.status, 1)
    t.deepEqual(bad.shown.trim().split('\n'), [
      '::error title=Rebind::check ended with exit status 1',
      '::error title=Rebind::baseline ended with exit status 3',
    ])
  },
)

testUnless(
  missing,
  'it installs itself, with production dependencies only and no scripts, in a folder of its own',
  async (t) => {
    const job = jobOf(t)
    const released = join(job.folder, 'action')
    mkdirSync(released)
    for (const name of ['package.json', 'package-lock.json', 'dist']) {
      cpSync(join(projectFolder, name), join(released, name), {recursive: true})
    }
    const before = readdirSync(released)
    const {status, shown, outputs} = await job.run('install', {}, {'github.action_path': released})
    t.is(status, 0, shown)
    t.deepEqual(readdirSync(released), before)
    const modules = join(outputs.cli ?? '', '..', '..', '..', 'node_modules')
    const installed = readdirSync(modules).filter((name) => !name.startsWith('.'))
    t.true(installed.includes('koffi'))
    t.false(installed.includes('typescript') || installed.includes('ava'))
    const ran = await bash(writeScript(job.folder, outputs.cli ?? ''), job.folder, {})
    t.is(ran.status, 0, ran.shown)
    t.deepEqual(readdirSync(outputs.report ?? ''), [])
  },
)

function writeScript(folder: string, program: string): string {
  const script = join(folder, 'list.sh')
  writeFileSync(script, `node '${program}' list --json > /dev/null\n`)
  return script
}

testUnless(missing, 'of a commit that is not built it says what to do', async (t) => {
  const {status, shown} = await jobOf(t).run('install', {}, {'github.action_path': '/nowhere'})
  t.is(status, 2)
  t.regex(shown, /^::error title=Rebind is not built::.*use a tag of a release/m)
})

testUnless(
  missing,
  'the workflow for several systems makes one page of what each runner measured',
  async (t) => {
    const folder = temporaryFolder(t)
    const file = join(projectFolder, '.github', 'workflows', 'restart.yml')
    const {jobs} = parse(readFileSync(file, 'utf8')) as {jobs: {compare: {steps: Step[]}}}
    const script = jobs.compare.steps.find(({name}) => name === 'Make one page of them')?.run ?? ''
    writeFileSync(join(folder, 'script.sh'), script)
    symlinkSync(join(projectFolder, 'dist'), join(folder, 'dist'))
    const env = {RUNNER_TEMP: folder, GITHUB_STEP_SUMMARY: join(folder, 'summary')}
    const none = await bash(join(folder, 'script.sh'), folder, env)
    t.is(none.status, 1)
    t.regex(none.shown, /^::error title=Nothing to show::/m)
    const {check} = await realDocuments()
    const {problem: _, ...measured} = check as {problem?: unknown}
    for (const system of [recordedLinux, recordedGvisor]) {
      const run = join(folder, 'runs', `restart-${basename(system)}`, '2026-11-27T14-40-03Z-1a2b')
      mkdirSync(run, {recursive: true})
      const report = recordedReport(system)
      writeFileSync(join(run, 'report.json'), JSON.stringify(report))
      writeFileSync(join(run, 'check.json'), JSON.stringify({...measured, host: report.host}))
    }
    rmSync(join(folder, 'page'), {recursive: true})
    const {status, shown} = await bash(join(folder, 'script.sh'), folder, env)
    t.is(status, 0, shown)
    const page = readFileSync(join(folder, 'page', 'report.html'), 'utf8')
    t.regex(page, /<h1>Side by side<\/h1>[\s\S]+<h1>Rebind history<\/h1>/)
    t.regex(page, /2 checks of 2 systems/)
    t.regex(readFileSync(join(folder, 'summary'), 'utf8'), /# Side by side[\s\S]+# Rebind history/)
  },
)

/** A workflow's script, in a folder with these runs of as many artifacts. */
function pageMaker(t: ExecutionContext, workflow: string, name: string) {
  const folder = temporaryFolder(t)
  const file = join(projectFolder, '.github', 'workflows', workflow)
  const {jobs} = parse(readFileSync(file, 'utf8')) as {jobs: {compare: {steps: Step[]}}}
  const script = jobs.compare.steps.find((step) => step.name === name)?.run ?? ''
  writeFileSync(join(folder, 'script.sh'), script)
  symlinkSync(join(projectFolder, 'dist'), join(folder, 'dist'))
  const env = {RUNNER_TEMP: folder, GITHUB_STEP_SUMMARY: join(folder, 'summary')}
  return {
    folder,
    add(path: string, document: object, kind = 'check') {
      const run = join(folder, 'runs', path, '2026-11-27T14-40-03Z-1a2b')
      mkdirSync(run, {recursive: true})
      writeFileSync(join(run, `${kind}.json`), JSON.stringify(document))
    },
    make: () => bash(join(folder, 'script.sh'), folder, env),
  }
}

const onePage = ['restart.yml', 'Make one page of them'] as const

testUnless(
  missing,
  'the page has a line for each runner, also of one system and architecture',
  async (t) => {
    const {folder, add, make} = pageMaker(t, ...onePage)
    const {check} = await realDocuments()
    const {problem: _, ...measured} = check as {problem?: unknown}
    const problem = {kind: 'exited', message: 'it ended', remedy: 'look'}
    const {host} = check as CheckDocument
    const on = (label: string, changes: object) =>
      add(`restart-${label}`, {...measured, ...changes, host: {...host, label}})
    on('ubuntu-22.04', {safe: true})
    on('ubuntu-24.04', {safe: false})
    on('macos-15', {problem})
    const {status, shown} = await make()
    t.is(status, 0, shown)
    const {series, moved, skipped} = JSON.parse(
      readFileSync(join(folder, 'page', 'history.json'), 'utf8'),
    )
    t.deepEqual(
      series.map(({system}: {system: string}) => system.split(' ')[0]),
      ['ubuntu-22.04', 'ubuntu-24.04'],
    )
    t.deepEqual(moved, [])
    t.regex(skipped[0].because, /measured nothing on macos-15 \(exited\)/)
    t.regex(readFileSync(join(folder, 'summary'), 'utf8'), /measured nothing on macos-15/)
  },
)

testUnless(missing, 'the page fails if no runner could measure anything', async (t) => {
  const {add, make} = pageMaker(t, ...onePage)
  const {check} = await realDocuments()
  const problem = {kind: 'exited', message: 'it ended', remedy: 'look'}
  add('restart-macos-15', {...(check as CheckDocument), problem})
  const {status, shown} = await make()
  t.not(status, 0)
  t.regex(shown, /^::error title=Nothing to show::no runner could restart the server/m)
})

testUnless(
  missing,
  'the files of a single artifact, which are not in a folder of its name, are found',
  async (t) => {
    const {folder, add, make} = pageMaker(t, ...onePage)
    const {check} = await realDocuments()
    const {problem: _, ...measured} = check as {problem?: unknown}
    add('', measured)
    const {status, shown} = await make()
    t.is(status, 0, shown)
    t.regex(readFileSync(join(folder, 'page', 'report.html'), 'utf8'), /1 check of 1 system/)
  },
)

test('both workflows look for the files of one artifact and of several', (t) => {
  for (const name of ['restart.yml', 'repro.yml']) {
    const text = readFileSync(join(projectFolder, '.github', 'workflows', name), 'utf8')
    t.regex(text, /runs\/\*\/\S+ runs\/\*\/\*\//, name)
  }
})

test('a label reaches every command that measures', (t) => {
  for (const id of ['run', 'matrix', 'timing', 'check']) {
    const step = steps.find((each) => each.id === id)
    t.regex(step?.run ?? '', /--label "\$LABEL"/, id)
  }
})

const hasWrap = commandLine().commands.some((command) => command.name() === 'wrap')

if (hasWrap) {
  testUnless(
    missing,
    'wrap runs the command with its words as they are, and its status is kept',
    async (t) => {
      const job = jobOf(t)
      const script =
        'require("node:fs").writeFileSync("started.json", JSON.stringify(process.argv.slice(1))); process.exit(7)'
      const wrap = ['node', '-e', script, '--', '$(touch hacked)', '*'].join('\n')
      const {outputs, shown} = await job.run('wrap', {wrap})
      t.is(outputs.status, '7', shown)
      const started = JSON.parse(readFileSync(join(job.folder, 'started.json'), 'utf8'))
      t.deepEqual(started, ['$(touch hacked)', '*'])
      t.false(existsSync(join(job.folder, 'hacked')))
    },
  )
}
