import {constants} from 'node:os'
import {join, resolve} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {jsonText} from '../documents/json-text.ts'
import {makeFolders, writeWhole} from '../documents/run-folder.ts'
import type {Cause, WhyPath, WhyPort} from '../documents/why-schema.ts'
import {ask, type Explanation, limitSeconds} from '../explain/ask.ts'
import {type Named, refusalOfLine} from '../explain/messages.ts'
import {explainPrograms} from '../explain/programs.ts'
import {tellGithub} from '../feeds/github.ts'
import {literal} from '../render/markdown.ts'
import {printable} from '../text.ts'
import type {KnownPort, Refusal} from '../why/refusal.ts'
import {portIn} from '../wrap/port-of-command.ts'
import {runCommand} from '../wrap/run-command.ts'
import {endBy} from '../wrap/signals.ts'
import {hangupWasIgnored} from './interruption.ts'

export interface WrapOptions {
  port?: number
  out: string
}

/** The output waits for the answer for at most so long. */
const answersWithinSeconds = limitSeconds(3)
const endsWithinMilliseconds = 1000

/** `rebind wrap -- COMMAND`: runs it, and explains a port that it was refused when its output says so. */
export async function wrap(command: string[], {port, out}: WrapOptions): Promise<number> {
  const {explainer} = await explainPrograms()
  const told = new Set<string>()
  let isUnnamed = false
  let known: KnownPort | null = port === undefined ? portIn(command) : {port}
  const onRefused = async (named: Named) => {
    const refusal = refusalOfLine(named, known)
    if (refusal !== undefined) {
      const name = nameOf(refusal)
      if (told.has(name)) return
      told.add(name)
      const explanation = await lookUp(explainer, refusal)
      if (!isWrongGuess(refusal, explanation)) return explain(name, explanation, resolve(out))
      told.delete(name)
      known = null
    }
    // A later line may name it.
    isUnnamed = true
  }
  const ending = await runCommand({command, ignoresHangup: hangupWasIgnored(), onRefused})
  if (isUnnamed && told.size === 0) {
    say('a port was refused, and no message names it; run it again with --port PORT')
  }
  if ('status' in ending) return ending.status
  endBy(ending.signal)
  // Some do not end Node.
  await delay(endsWithinMilliseconds)
  return 128 + constants.signals[ending.signal]
}

/** What is said of any port that nothing is seen on. */
const withoutEvidence: readonly Cause['kind'][] = [
  'not-visible',
  'address-not-local',
  'other-error',
]

/** Whether no message names the port, and nothing is seen on the one that the command has. */
function isWrongGuess(refusal: Refusal, explanation: Explanation | undefined): boolean {
  if (!('portFrom' in refusal)) return false
  const causes = explanation?.answer?.causes ?? []
  return causes.every(({kind}) => withoutEvidence.includes(kind))
}

async function explain(
  what: string,
  explanation: Explanation | undefined,
  folder: string,
): Promise<void> {
  const {full, answer} = explanation ?? {}
  if (full === undefined || answer === undefined) {
    return say(`what is on ${what} could not be looked up`)
  }
  process.stderr.write(full)
  await keep(folder, what, answer)
  await tell(what, answer)
}

async function lookUp(explainer: string, refusal: Refusal): Promise<Explanation | undefined> {
  try {
    const question = {refusal, seconds: answersWithinSeconds, document: true}
    const {child, answered} = ask(explainer, question)
    // It ends by itself after that time, unless it is stopped, or too busy.
    const timer = setTimeout(() => child.kill('SIGKILL'), answersWithinSeconds * 1000)
    return await answered.finally(() => clearTimeout(timer))
  } catch {
    // No process can be started, or it does not answer; the command's own output goes on.
    return undefined
  }
}

function nameOf(refusal: Refusal): string {
  return 'path' in refusal ? refusal.path : `port ${refusal.port}`
}

function say(line: string): void {
  process.stderr.write(`rebind wrap: ${printable(line)}\n`)
}

/** In `why-3000.json`, in place of an earlier one. */
async function keep(folder: string, what: string, answer: WhyPort | WhyPath): Promise<void> {
  const name = `why-${what.replace(/^port /, '').replace(/[^\w.-]+/g, '_')}.json`
  try {
    await makeFolders(folder)
    await writeWhole({path: folder}, name, `${jsonText(answer, 2)}\n`)
    say(`kept as ${join(folder, name)}`)
  } catch (error) {
    const {code, message} = error as NodeJS.ErrnoException
    say(
      `${join(folder, name)} cannot be written (${code ?? message}); choose another folder with --out DIR`,
    )
  }
}

/** In GitHub Actions an annotation, and a line of the job's summary. */
async function tell(what: string, {causes}: WhyPort | WhyPath): Promise<void> {
  if (process.env.GITHUB_ACTIONS !== 'true') return
  const message = causes[0]?.text ?? 'What was in the way is gone.'
  const title = `${what} was refused`
  const commands = await tellGithub({
    summary: `- **${literal(title)}**: ${literal(message)}\n`,
    annotations: [{level: 'error', title, message}],
  })
  process.stderr.write(commands)
}
