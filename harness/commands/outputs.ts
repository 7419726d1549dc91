import {resolve} from 'node:path'
import {proveWritable, writeNamedFile} from '../documents/output-file.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {type Medium, type Reported, type ReporterName, reporters} from '../feeds/reporters.ts'
import {columnsOf} from '../render/wrap.ts'
import {printable} from '../text.ts'
import type {RunDocument} from '../views/kinds.ts'

/** A reporter or an export that was chosen, e.g. by `--reporter junit=FILE`. */
export interface Choice {
  name: ReporterName
  /** Undefined: stdout. */
  file?: string
}

/** The options by which the commands that have a result are told how to report it. */
export interface OutputOptions {
  reporter?: Choice[]
  export?: Choice[]
  json?: boolean
  tap?: boolean
  junit?: string
  format?: 'terminal' | 'text' | 'markdown'
}

/** A chosen reporter, and the words that it was chosen by. */
interface Chosen extends Choice {
  option: string
}

const toFile: Medium = {columns: undefined, isFile: true}

/** Short forms of `--reporter`, older than it. */
const aliases: {
  [Name in Exclude<keyof OutputOptions, 'reporter' | 'export'>]-?: (
    value: NonNullable<OutputOptions[Name]>,
  ) => Chosen
} = {
  json: () => ({option: '--json', name: 'json'}),
  tap: () => ({option: '--tap', name: 'tap'}),
  junit: (file) => ({option: '--junit', name: 'junit', file}),
  format: (format) => ({
    option: `--format ${format}`,
    name: format === 'markdown' ? 'markdown' : 'terminal',
  }),
}

/** Where a result goes, opened before anything is measured. */
export interface Outputs {
  /** Whether a person reads what is on stdout. */
  forPeople: boolean
  /** Writes what goes to stdout. */
  print(reported: Reported): Promise<void>
  /** Writes the files, and what else is told beside stdout. @returns whether all of it could be written */
  write(reported: Reported): Promise<boolean>
}

export interface Verdict {
  /** Why there are no test cases to report, and what to do; absent where there are. */
  noVerdict?: string
  /** In GitHub Actions, its annotations and the summary come without being asked for. */
  tellsGithub?: boolean
}

/**
 * Chooses the reporters, loads them, and proves that their files can be written.
 * @throws UsageError for two on stdout, two into one file, a file that cannot be written, or a reporter that needs
 * a verdict where there is none
 */
export async function openOutputs(
  options: OutputOptions,
  {noVerdict, tellsGithub = false}: Verdict = {},
): Promise<Outputs> {
  const chosen = chosenBy(options)
  proveDistinct(chosen)
  for (const {name, option} of chosen) {
    if (noVerdict !== undefined && reporters[name].judges) {
      throw new UsageError(`${option} reports a verdict, and there is none: ${noVerdict}`)
    }
  }
  for (const {file, option} of chosen) {
    if (file !== undefined)
      await proveWritable(file, `${option}${option === '--junit' ? ' ' : '='}FILE`)
  }
  const printed = chosen.find(({file}) => file === undefined)?.name ?? 'terminal'
  const render = await reporters[printed].load()
  const beside = await Promise.all(
    chosen
      .filter(({file}) => file !== undefined)
      .map(async ({name, file = ''}) => ({file, render: await reporters[name].load()})),
  )
  const isImplied =
    tellsGithub &&
    process.env.GITHUB_ACTIONS === 'true' &&
    !chosen.some(({name}) => name === 'github')
  const forGithub = isImplied ? await reporters.github.load() : undefined
  return {
    forPeople: printed === 'terminal',
    async print(reported) {
      const columns = columnsOf(process.stdout)
      process.stdout.write(await render(reported, {columns, isFile: false}))
    },
    async write(reported) {
      const written: boolean[] = []
      for (const {file, render} of beside) {
        written.push(await isWritten(file, await render(reported, toFile)))
      }
      if (forGithub !== undefined) {
        process.stderr.write(await forGithub(reported, toFile))
      }
      return written.every(Boolean)
    },
  }
}

/**
 * Reports a document that was not measured in a session.
 * @param writeFolder what is written between what is printed and the files
 * @returns the exit status: whether all could be written
 */
export async function reportAtOnce(
  document: RunDocument,
  outputs: Outputs,
  writeFolder: () => Promise<void> = async () => undefined,
): Promise<number> {
  const occasion = {startedAt: new Date().toISOString(), wallSeconds: 0}
  const reported = {document, sentences: [], occasion}
  await outputs.print(reported)
  let folderWritten = true
  try {
    await writeFolder()
  } catch (error) {
    // A folder that is full takes none of the files elsewhere.
    process.stderr.write(`rebind: ${printable((error as Error).message)}\n`)
    folderWritten = false
  }
  const allWritten = await outputs.write(reported)
  return folderWritten && allWritten ? exitStatus.asExpected : exitStatus.failed
}

function chosenBy(options: OutputOptions): Chosen[] {
  const short = (Object.keys(aliases) as (keyof typeof aliases)[]).flatMap((name) => {
    const value = options[name]
    return value === undefined ? [] : [(aliases[name] as (value: unknown) => Chosen)(value)]
  })
  const long = (['reporter', 'export'] as const).flatMap((option) =>
    (options[option] ?? []).map((choice) => ({...choice, option: `--${option} ${choice.name}`})),
  )
  return [...short, ...long]
}

/** @throws UsageError if two would write to the same place */
function proveDistinct(chosen: readonly Chosen[]): void {
  for (const [index, {file, option}] of chosen.entries()) {
    const place = file === undefined ? undefined : resolve(file)
    const other = chosen.slice(0, index).find((before) => {
      const there = before.file === undefined ? undefined : resolve(before.file)
      return there === place
    })
    if (other === undefined) continue
    const where = file === undefined ? 'stdout' : file
    throw new UsageError(
      `${other.option} and ${option} both write to ${where}; give one of them a file of its own, e.g. --reporter json=FILE`,
    )
  }
}

async function isWritten(file: string, text: string): Promise<boolean> {
  try {
    await writeNamedFile(file, text)
    return true
  } catch (error) {
    const {code, message} = error as NodeJS.ErrnoException
    process.stderr.write(`rebind: ${printable(file)} was not written (${code ?? message})\n`)
    return false
  }
}
