/** `npm run bench`: for those who work on the harness, or judge it; not a command of the package. */

import {Command, CommanderError} from 'commander'
import {listenForInterruption} from '../commands/interruption.ts'
import {jsonText} from '../documents/json-text.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {renderAsMarkdown} from '../render/markdown.ts'
import {printable} from '../text.ts'
import {bench} from './bench.ts'
import type {Bench} from './document.ts'
import type {Part} from './part.ts'
import {parts} from './parts.ts'
import {benchView, missedTargets} from './view.ts'

interface Options {
  only?: string
  quick?: boolean
  strict?: boolean
  json?: boolean
}

const program = new Command('bench')
  .description('Measures what the harness costs, against baselines on the same machine.')
  .option('--only <parts>', 'only these parts, by number or name, e.g. 1,matrix')
  .option('--quick', 'measure less (each part says how much), and judge no target')
  .option('--strict', 'exit with 1 if a target is missed')
  .option('--json', 'print JSON instead of Markdown')
  .addHelpText(
    'after',
    `
Parts: ${parts.map(({number, name}) => `${number} ${name}`).join(', ')}. They are measured one after the other; all
take some six minutes. Other programs disturb it: the machine's load is printed with each part.

Examples:
  npm run bench
  npm run bench -- --only matrix
  npm run --silent bench > bench.md
  npm run --silent bench -- --json > bench.json

Exit status: 0 measured, whatever was missed; 1 with --strict: a target was missed; 2 bad usage; 3 something
could not be measured; 130/143 interrupted`,
  )
  .showHelpAfterError('(--help shows the options)')
  .exitOverride()

try {
  await program.parseAsync()
  process.exitCode = await run(program.opts<Options>())
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitStatus.asExpected : exitStatus.usage
  } else {
    process.stderr.write(`bench: ${printable((error as Error).message)}\n`)
    process.exitCode = error instanceof UsageError ? exitStatus.usage : exitStatus.failed
  }
}

async function run({only, quick = false, strict = false, json}: Options): Promise<number> {
  const chosen = chosenParts(only)
  const interruption = listenForInterruption()
  const document = await bench({
    parts: chosen,
    quick,
    command: process.argv.slice(2),
    signal: interruption.signal,
    tell: (text) => process.stderr.write(`${text}\n`),
  })
  const text =
    json === true ? jsonText(document, 2) : renderAsMarkdown(benchView(document)).trimEnd()
  process.stdout.write(`${text}\n`)
  return interruption.exitStatus() ?? statusOf(document, strict)
}

/** @throws UsageError for a word that is not a part */
function chosenParts(only: string | undefined): readonly Part[] {
  if (only === undefined) return parts
  const words = only.split(',').map((word) => word.trim())
  const unknown = words.find((word) => !parts.some((part) => isCalled(part, word)))
  if (unknown !== undefined) {
    const known = parts.map(({number, name}) => `${number} ${name}`).join(', ')
    throw new UsageError(`unknown part "${unknown}"; it is one of ${known}`)
  }
  return parts.filter((part) => words.some((word) => isCalled(part, word)))
}

function isCalled({number, name}: Part, word: string): boolean {
  return word === name || word === `${number}`
}

function statusOf(document: Bench, strict: boolean): number {
  const unmeasured = document.parts.some(
    ({reason, rows}) => reason !== undefined || rows.some((row) => row.reason !== undefined),
  )
  if (strict && missedTargets(document) > 0) return exitStatus.unexpected
  return unmeasured ? exitStatus.failed : exitStatus.asExpected
}
