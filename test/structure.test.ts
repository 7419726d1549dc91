/** Imports point down the list of rooms only: what docs/contributing.md says, biome.json has to forbid. */
import {execFile} from 'node:child_process'
import {mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import test, {type ExecutionContext} from 'ava'
import {temporaryFolder} from './commands/cli.ts'

const project = fileURLToPath(new URL('..', import.meta.url))
const biome = fileURLToPath(new URL('../node_modules/@biomejs/biome/bin/biome', import.meta.url))

/** From the top down; rooms of one line may know each other. */
const levels = [
  ['commands'],
  ['feeds'],
  ['views'],
  ['render'],
  [
    'run',
    'matrix',
    'timing',
    'policies',
    'check',
    'traffic',
    'hold',
    'survey',
    'why',
    'explain',
    'wrap',
    'free',
    'compare',
    'history',
  ],
  ['restart'],
  ['namespaces'],
  ['processes'],
  ['documents'],
  ['platforms'],
  ['sockets'],
]
const rooms = levels.flat()
/** Contributors' tools, above all of the program. */
const tools = ['bench', 'kernels']

/** Which rooms each room may not import, by what Biome says of a file there that imports them all. */
function forbidden(t: ExecutionContext): Promise<Map<string, string[]>> {
  const folder = temporaryFolder(t)
  const imported = [...tools, ...rooms]
  const lines = imported.map((room, index) => `import {a${index}} from '../${room}/canary.ts'`)
  const uses = imported.map((_, index) => `a${index}`).join(', ')
  const canary = `${lines.join('\n')}\nexport const all = [${uses}]\n`
  for (const room of rooms) {
    mkdirSync(join(folder, 'harness', room), {recursive: true})
    writeFileSync(join(folder, 'harness', room, 'canary.ts'), canary)
  }
  const config = JSON.parse(readFileSync(join(project, 'biome.json'), 'utf8'))
  const alone = {...config, $schema: undefined, vcs: {enabled: false}, root: true}
  writeFileSync(join(folder, 'biome.json'), JSON.stringify(alone))
  const args = ['lint', '--only=style/noRestrictedImports', '--max-diagnostics=none']
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [biome, ...args, '--reporter=github'],
      {cwd: folder},
      (_, stdout) => {
        const found = new Map<string, string[]>()
        for (const [, room = '', line] of stdout.matchAll(
          /^::error.*file=\S*harness\/(\w+)\/canary\.ts,line=(\d+)/gm,
        )) {
          found.set(room, [...(found.get(room) ?? []), imported[Number(line) - 1] ?? '?'])
        }
        resolve(found)
      },
    )
  })
}

test('every room of the program has its place in the list', (t) => {
  const there = readdirSync(`${project}harness`, {withFileTypes: true})
    .filter((entry) => entry.isDirectory())
    .map(({name}) => name)
  t.deepEqual(there.sort(), [...rooms, ...tools].sort())
  const told = readFileSync(`${project}docs/contributing.md`, 'utf8')
  const places = rooms.map((room) => told.indexOf(`\`harness/${room}/\``))
  t.deepEqual(
    places,
    [...places].sort((one, other) => one - other),
    'in docs/contributing.md',
  )
})

test('each room may import what is below it, and nothing above it', async (t) => {
  const found = await forbidden(t)
  for (const [index, level] of levels.entries()) {
    const above = [...tools, ...levels.slice(0, index).flat()]
    for (const room of level) t.deepEqual(found.get(room)?.sort(), above.sort(), room)
  }
})

test('no view escapes, wraps or colours: the renderers do', (t) => {
  const views = join(project, 'harness', 'views')
  const files = readdirSync(views, {recursive: true, encoding: 'utf8'})
  t.true(files.length > 10)
  // It writes files, and complains on stderr.
  for (const file of files.filter((name) => name.endsWith('.ts') && name !== 'write.ts')) {
    const text = readFileSync(join(views, file), 'utf8')
    t.notRegex(text, /from '[./]+\/(text|render\/(wrap|colours|grid|fitted-table))\.ts'/, file)
  }
})
