import {constants} from 'node:os'
import {join, resolve} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {jsonText} from '../documents/json-text.ts'
import {makeFolders, writeWhole} from '../documents/run-folder.ts'
import type {WhyPath, WhyPort} from '../documents/why-schema.ts'
import {ask} from '../explain/ask.ts'
import {type Named, refusalOfLine} from '../explain/messages.ts'
import {explainPrograms} from '../explain/programs.ts'
import {tellGithub} from '../feeds/github.ts'
import {literal} from '../render/markdown.ts'
import {printable} from '../text.ts'
import type {Refusal} from '../why/refusal.ts'
import {portIn} from '../wrap/port-of-command.ts'
import {runCommand} from '../wrap/run-command.ts'
import {endBy} from '../wrap/signals.ts'
import {hangupWasIgnored} from './interruption.ts'

export interface WrapOptions {
  port?: number
  out: string
}

/** The output waits for the answer for at most so long. */
const answersWithinSeconds = 3
const endsWithinMilliseconds = 1000

/** `rebind wrap -- COMMAND`: runs it, and explains a port that it was refused when its output says so. */
export async function wrap(command: string[], {port, out}: WrapOptions): Promise<number> {
  const {explainer} = await explainPrograms()
  const told = new Set<string>()
  const given = port ?? portIn(command)
  const onRefused = async (named: Named) => {
    const refusal = refusalOfLine(named, given)
    const what = nameOf(refusal)
    if (told.has(what)) return
    told.add(what)
    if (refusal === undefined)
      return say(
        'a port was refused, and the message does not name it; run it again with --port PORT',
      )
    const {answered} = ask(explainer, {refusal, seconds: answersWithinSeconds})
    const explanation = await answered
    if (explanation === undefined)
      return say(`what is on ${what} could not be looked up; rebind why shows it`)
    process.stderr.write(explanation.full)
    await keep(resolve(out), what, explanation.answer)
    await tell(what, explanation.answer)
  }
  const ending = await runCommand({command, ignoresHangup: hangupWasIgnored(), onRefused})
  if ('status' in ending) return ending.status
  endBy(ending.signal)
  // Some do not end Node.
  await delay(endsWithinMilliseconds)
  return 128 + constants.signals[ending.signal]
}

function nameOf(refusal: Refusal | undefined): string {
  if (refusal === undefined) return 'an unnamed port'
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
