import {describeHost} from '../documents/host.ts'
import {jsonText} from '../documents/json-text.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {detectPlatform} from '../platforms/detect.ts'
import {renderForTerminal} from '../render/terminal.ts'
import {columnsOf} from '../render/wrap.ts'
import {whyView} from '../views/why.ts'
import {addressesToTry} from '../why/addresses.ts'
import {explainPort} from '../why/explain.ts'
import {lookAtPort} from '../why/port-picture.ts'
import {explainPath} from '../why/unix-socket.ts'

export interface WhyOptions {
  host?: string
  json?: boolean
}

/** `rebind why PORT|PATH`: why it can or cannot be bound now, by whom, until when, and the remedy. */
export async function why(
  target: {port: number} | {path: string},
  {host: address, json = false}: WhyOptions,
): Promise<number> {
  const platform = detectPlatform()
  const settings = await platform.readSettings()
  const host = describeHost(platform, settings)
  const print = (answer: object, rendered: string) => {
    process.stdout.write(json ? `${jsonText(answer)}\n` : rendered)
  }
  let bindable: boolean | null
  if ('path' in target) {
    if (address !== undefined) {
      throw new UsageError('--host is for ports; leave it out for a Unix socket')
    }
    const answer = await explainPath(target.path, platform, host)
    print(answer, renderForTerminal(whyView(answer), columnsOf(process.stdout)))
    bindable = answer.bindable
  } else {
    const addresses = await addressesToTry(address)
    const answer = explainPort(await lookAtPort(target.port, addresses, platform, settings), host)
    print(answer, renderForTerminal(whyView(answer), columnsOf(process.stdout)))
    bindable = answer.bindable
  }
  if (bindable === null) return exitStatus.failed
  return bindable ? exitStatus.asExpected : exitStatus.unexpected
}
