import {readMachine} from '../documents/host.ts'
import {jsonText} from '../documents/json-text.ts'
import type {WhyPath} from '../documents/why-schema.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {renderForTerminal} from '../render/terminal.ts'
import {columnsOf} from '../render/wrap.ts'
import {printable} from '../text.ts'
import {listenersView} from '../views/listeners.ts'
import {whyView} from '../views/why.ts'
import {whyPath, whyPort} from '../why/ask.ts'
import {listListeners} from '../why/listeners.ts'
import {type Refused, refusedIn} from '../why/port-in-message.ts'
import {readStdin} from './stdin.ts'

export interface WhyCommandOptions {
  host?: string
  json?: boolean
}

/** What is asked about: a port, a path, or what an error message on stdin names. */
export type WhyTarget = {port: number} | {path: string} | {stdin: true}

/** `rebind why [PORT|PATH|-]`: why it can or cannot be bound now, by whom, until when, and the remedy; or who listens. */
export async function why(
  target: WhyTarget | undefined,
  {host, json = false}: WhyCommandOptions,
): Promise<number> {
  const print = (answer: object, rendered: string) => {
    process.stdout.write(json ? `${jsonText(answer)}\n` : rendered)
  }
  const width = columnsOf(process.stdout)
  if (target === undefined) {
    if (host !== undefined) throw new UsageError('--host is for a port; name one, e.g. 8080')
    const answer = await listListeners(await readMachine())
    print(answer, renderForTerminal(listenersView(answer), width))
    return exitStatus.asExpected
  }
  const asked: Refused = 'stdin' in target ? await refusedOnStdin() : target
  const answer = 'path' in asked ? await whyOfPath(asked, host) : await whyOfPort(asked, host)
  print(answer, renderForTerminal(whyView(answer), width))
  if (answer.bindable === null) return exitStatus.failed
  return answer.bindable ? exitStatus.asExpected : exitStatus.unexpected
}

function whyOfPath({path}: {path: string}, host: string | undefined): Promise<WhyPath> {
  if (host !== undefined) {
    throw new UsageError('--host is for ports; leave it out for a Unix socket')
  }
  return whyPath(path)
}

function whyOfPort({port, address}: {port: number; address?: string}, host: string | undefined) {
  return whyPort(port, {host: host ?? address})
}

/** @throws UsageError if the text names neither a port nor a path */
async function refusedOnStdin(): Promise<Refused> {
  const {refused, saysInUse} = refusedIn(await readStdin())
  const [first, ...others] = refused
  if (first === undefined) {
    throw new UsageError(
      saysInUse
        ? 'the message on stdin says that a port is in use, but not which; look in the configuration, and ask: rebind why PORT'
        : 'there is no error message about a port on stdin; pipe one in, e.g. npm start 2>&1 | rebind why -, or ask: rebind why PORT',
    )
  }
  if (others.length > 0) {
    const names = others.map((each) => ('path' in each ? each.path : each.port)).join(', ')
    process.stderr.write(`rebind: the text on stdin is also about ${printable(names)}\n`)
  }
  return first
}
