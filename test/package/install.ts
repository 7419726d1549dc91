/** Packs the project and installs it elsewhere, as its users get it. */
import {execFile} from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {projectFolder} from '../commands/cli.ts'

const execute = promisify(execFile)
const fetchWithinMilliseconds = 150_000

/** What of the project takes part in packing. */
const packed = [
  'docs/schemas.ts',
  'package.json',
  'README.md',
  'LICENSE',
  'tsconfig.json',
  'tsconfig.build.json',
  'build.js',
  'harness',
  'scenarios',
  join('logs', 'recorded'),
]

/** Where everything goes that these tests install; removed when their process ends. */
const scratch = mkdtempSync(join(tmpdir(), 'rebind-package-'))
process.once('exit', () => rmSync(scratch, {recursive: true, force: true}))

/** An npm folder of its own, with nothing but these packages in it. */
export async function install(name: string, packages: string[]): Promise<string> {
  const folder = join(scratch, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{"private": true, "type": "module"}')
  const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
  await execute('npm', ['install', ...quietly, ...packages], {
    cwd: folder,
    env: environment(),
    timeout: fetchWithinMilliseconds,
  })
  return folder
}

/**
 * The file that `npm publish` would send; the project is compiled for it. In a copy of the project, because
 * other tests use the compiled files meanwhile.
 */
export async function pack(): Promise<string> {
  const project = join(scratch, 'project')
  for (const part of packed) {
    cpSync(join(projectFolder, part), join(project, part), {recursive: true})
  }
  symlinkSync(join(projectFolder, 'node_modules'), join(project, 'node_modules'))
  const args = ['pack', '--json', '--pack-destination', scratch]
  await execute('npm', args, {cwd: project, env: environment()})
  const tarball = readdirSync(scratch).find((file) => file.endsWith('.tgz'))
  if (tarball === undefined) throw new Error('npm pack made no .tgz')
  return join(scratch, tarball)
}

const nodesFolder = join(projectFolder, 'node_modules', '.cache', 'rebind-nodes')
const nodesKeptMilliseconds = 24 * 60 * 60 * 1000

/**
 * The oldest Node that is supported and the newest, from the packages that carry its binaries; or why they
 * cannot be had. They are kept for a day, because unpacking 100 MB each took a third of all these tests.
 */
export async function fetchNodes(
  ranges: readonly string[],
): Promise<{nodes: string[]} | {problem: string}> {
  const carrier = `node-${process.platform}-${process.arch}`
  try {
    return {nodes: await Promise.all(ranges.map((range) => fetchNode(carrier, range)))}
  } catch (error) {
    const {message} = error as Error
    return {problem: `${carrier}@${ranges.join(' and ')} cannot be had: ${message.split('\n')[0]}`}
  }
}

async function fetchNode(carrier: string, range: string): Promise<string> {
  const kept = join(nodesFolder, `${carrier}-${range}`)
  const fetchedAt = statSync(kept, {throwIfNoEntry: false})?.mtimeMs ?? 0
  if (Date.now() - fetchedAt < nodesKeptMilliseconds) return runs(kept)
  const installed = await install(`node-${range}`, [`${carrier}@${range}`])
  const fetched = await runs(join(installed, 'node_modules', carrier, 'bin', 'node'))
  mkdirSync(nodesFolder, {recursive: true})
  // Another run of these tests may be using the one that is replaced.
  const copy = `${kept}.${process.pid}`
  cpSync(fetched, copy)
  renameSync(copy, kept)
  return runs(kept)
}

/** @returns the path; rejected if there is no Node that runs here */
async function runs(node: string): Promise<string> {
  await execute(node, ['--version'])
  return node
}

/**
 * What npm itself hands to a test that it runs would make the npm started here work on our own project. The
 * certificates, which ava.config.js takes from all other processes, may be those of a proxy on the way to the registry.
 */
function environment(): NodeJS.ProcessEnv {
  const foreign = Object.entries(process.env).filter(([name]) => !/^npm_(?!config_)/.test(name))
  return {
    ...Object.fromEntries(foreign),
    npm_config_update_notifier: 'false',
    NODE_EXTRA_CA_CERTS: process.env.REBIND_TEST_CA_CERTS,
  }
}

/** The bytes of all files in a folder. */
export function sizeOf(folder: string): number {
  return readdirSync(folder, {recursive: true, withFileTypes: true})
    .filter((entry) => entry.isFile())
    .reduce((sum, {parentPath, name}) => sum + statSync(join(parentPath, name)).size, 0)
}
