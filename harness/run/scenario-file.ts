import {existsSync} from 'node:fs'
import {createRequire} from 'node:module'
import {basename, resolve} from 'node:path'
import {pathToFileURL} from 'node:url'
import {UsageError} from '../errors.ts'
import type {Scenario, ScenarioWithArms} from '../scenario.ts'
import {printable} from '../text.ts'
import {TooSlow, withinRunningSeconds} from '../too-slow.ts'
import {resolveOwnPackage} from './own-package.ts'
import {scenarioProblem} from './scenario-schema.ts'

type Definition = Scenario | ScenarioWithArms

const extension = /\.[cm]?[jt]s$/
const typescript = /\.[cm]?ts$/
/** Node 22.18 and newer do by default. */
const {typescript: stripsTypes} = process.features as {typescript?: string | false}
const shownCharacters = 300
const loadWithinSeconds = 20

/**
 * Reads scenarios from TypeScript or JavaScript files. The id of each is the name of its file.
 * @throws UsageError in one line that names the file, whatever is wrong with it
 */
export async function readScenarioFiles(
  files: readonly string[],
): Promise<Record<string, Definition>> {
  const read: Record<string, Definition> = {}
  for (const file of files) {
    const id = idOf(file)
    if (Object.hasOwn(read, id)) {
      throw new UsageError(`${printable(file)}: two files are named ${id}; rename one of them`)
    }
    read[id] = await readScenarioFile(file)
  }
  return read
}

function idOf(file: string): string {
  const id = basename(file).replace(extension, '')
  if (!extension.test(file) || !/^[\w.-]+$/.test(id)) {
    throw new UsageError(
      `${printable(file)}: invalid file name for a scenario; use letters, digits, dots, dashes and underscores, e.g. my-restart.ts`,
    )
  }
  return id
}

async function readScenarioFile(file: string): Promise<Definition> {
  const path = resolve(file)
  if (!existsSync(path)) throw new UsageError(`${printable(file)} does not exist`)
  const loaded = await inTime(load(path)).catch((error: unknown) => {
    throw new UsageError(`${printable(file)} cannot be loaded: ${reasonOf(error)}`)
  })
  const {definition, problem} = inspected(loaded)
  if (problem !== undefined) throw new UsageError(`${printable(file)} ${printable(problem)}`)
  return definition as Definition
}

/** A file may wait at its top for what never comes; Node would then end with a status of its own, 13. */
async function inTime(loaded: Promise<unknown>): Promise<unknown> {
  return withinRunningSeconds(loadWithinSeconds, '', () => loaded).catch((error: unknown) => {
    throw error instanceof TooSlow
      ? new Error(`it did not finish within ${loadWithinSeconds} s`)
      : error
  })
}

/** The problem in words that follow the file's name. Looking at it may run code of the file, and throw. */
function inspected(loaded: unknown): {definition?: unknown; problem?: string} {
  try {
    const definition = defaultExport(loaded)
    if (definition === undefined) {
      return {problem: 'has no default export; it should end in: export default scenario({...})'}
    }
    const problem = scenarioProblem(definition)
    return problem === undefined ? {definition} : {problem: `is not a scenario: ${problem}`}
  } catch (error) {
    return {problem: `is not a scenario: ${reasonOf(error)}`}
  }
}

async function load(path: string): Promise<unknown> {
  resolveOwnPackage()
  const {href} = pathToFileURL(path)
  if (!typescript.test(path) || stripsTypes) return import(href)
  const {tsImport} = await tsxFor(path)
  return tsImport(href, {parentURL: import.meta.url})
}

/** The tsx of the scenario's project, or else one that is installed with this package. */
async function tsxFor(path: string): Promise<typeof import('tsx/esm/api')> {
  const found = tsxSeenFrom(path) ?? tsxSeenFrom(import.meta.url)
  if (found !== undefined) return import(found)
  throw new Error(
    `Node ${process.versions.node} does not strip types; install tsx (npm install --save-dev tsx), use Node 22.18 or newer, or write the scenario in JavaScript`,
  )
}

/** Its module, where only a CommonJS file can be looked up: that one does not find tsx's own hooks (4.23). */
function tsxSeenFrom(from: string): string | undefined {
  const require = createRequire(from)
  try {
    const file = require.resolve('tsx/package.json')
    const {exports} = require(file) as {exports: {'./esm/api': {import: {default: string}}}}
    return new URL(exports['./esm/api'].import.default, pathToFileURL(file)).href
  } catch {
    return undefined
  }
}

/** A file that Node takes for CommonJS has its `export default` one level deeper. */
function defaultExport(loaded: unknown): unknown {
  const outer = (loaded as {default?: unknown}).default
  if (typeof outer !== 'object' || outer === null || 'script' in outer) return outer
  return 'default' in outer ? outer.default : outer
}

/** One line, with the remedy where the file has to be told from where to import. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it throws something that is not an Error'
  const lines = error.message.split('\n')
  // esbuild puts what is wrong, with its place, below a headline.
  const line = lines.find((line) => line.includes(': ERROR: ')) ?? lines[0] ?? ''
  const remedy = /'rebind'/.test(line)
    ? '; install it there (npm install --save-dev rebind), or rename the file to end in .mts'
    : ''
  return `${printable(line).slice(0, shownCharacters)}${remedy}`
}
