import {createInterface} from 'node:readline/promises'
import type {Free} from '../documents/free-schema.ts'
import {readMachine} from '../documents/host.ts'
import {jsonText} from '../documents/json-text.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {changesAnything, type FreeOptions, prepare} from '../free/free.ts'
import {partsOf, type Text} from '../render/model.ts'
import {renderBlock, renderForTerminal} from '../render/terminal.ts'
import {columnsOf} from '../render/wrap.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {freeView, stepWords} from '../views/free.ts'
import {addressesToTry} from '../why/addresses.ts'
import {listenForInterruption} from './interruption.ts'

export interface FreeCommandOptions {
  host?: string
  dryRun?: boolean
  yes?: boolean
  connections?: boolean
  timeout: number
  json?: boolean
}

/** A client that waits longer for an answer has given up, as a rule. */
const drainSeconds = 60

/** `rebind free PORT`: ends what is on the port, if that hurts nobody, and waits until a plain bind is granted. */
export async function free(port: number, given: FreeCommandOptions): Promise<number> {
  const problem = nativeOpenerProblem()
  if (problem !== undefined) throw new Error(`no plain bind can be tried here: ${problem}`)
  const interruption = listenForInterruption()
  const options: FreeOptions = {
    ...{port, addresses: await addressesToTry(given.host)},
    ...{connections: given.connections === true, timeoutSeconds: given.timeout, drainSeconds},
    signal: interruption.signal,
    tell: (line) => process.stderr.write(`rebind: ${line}\n`),
  }
  try {
    const {document, carryOut} = await prepare(options, await readMachine())
    const {plan, left, freed} = document
    const isOver = freed || given.dryRun === true || left.length > 0 || plan.length === 0
    const isWanted =
      !isOver && !options.signal.aborted && (await isAgreed(document, given, options.signal))
    const status = print(isWanted ? await carryOut() : document, given)
    return interruption.exitStatus() ?? status
  } finally {
    interruption.dispose()
  }
}

function print(document: Free, {json = false}: FreeCommandOptions): number {
  const width = columnsOf(process.stdout)
  process.stdout.write(
    json ? `${jsonText(document)}\n` : renderForTerminal(freeView(document), width),
  )
  return document.freed ? exitStatus.asExpected : exitStatus.unexpected
}

/**
 * Whether the user has agreed, or to what does not need it: to wait changes nothing.
 * @throws UsageError if nobody can be asked
 */
async function isAgreed(
  {port, plan}: Free,
  {yes = false}: FreeCommandOptions,
  signal: AbortSignal,
): Promise<boolean> {
  if (yes || !changesAnything({steps: plan})) return true
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError(
      `to free port ${port}, this would be done: ${plan.map(stepWords).map(plainWords).join('; ')}; add --yes to do it`,
    )
  }
  const items = plan.map(stepWords)
  process.stderr.write(`To free port ${port}:\n${renderBlock({kind: 'list', items})}\n`)
  process.stderr.write('Do this? [y/N] ')
  // Not as a terminal, for which Ctrl-C would be a key like any other.
  const lines = createInterface({input: process.stdin, terminal: false, signal})
  try {
    for await (const answer of lines) return /^y(es)?$/i.test(answer.trim())
    // Interrupted, or the terminal is gone.
    process.stderr.write('\n')
    return false
  } finally {
    lines.close()
  }
}

/** UsageError makes it printable. */
function plainWords(text: Text): string {
  return partsOf(text)
    .map((part) => (typeof part === 'string' ? part : 'short' in part ? part.short : ''))
    .join('')
}
