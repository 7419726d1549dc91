import {readMachine} from '../documents/host.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {addressesToTry} from './addresses.ts'
import {assertPort} from './ask.ts'
import {watchPort} from './watch.ts'

export interface UntilFreeOptions {
  /** The address to bind, or a name that stands for some; by default the wildcards and loopback. */
  host?: string | undefined
  /** How long to wait; by default as long as it takes. */
  timeoutSeconds?: number | undefined
  signal?: AbortSignal
}

/**
 * Waits until a plain bind of the port is granted. Nothing is stopped, and each bind is closed at once.
 * @returns false if it was not granted within the timeout
 * @throws UsageError for a port or host that is invalid; the signal's reason if that is aborted; Error if the bind is
 * refused for a reason that waiting does not cure
 */
export async function watchUntilFree(
  port: number,
  {host, timeoutSeconds, signal = new AbortController().signal}: UntilFreeOptions = {},
): Promise<boolean> {
  assertPort(port)
  const problem = nativeOpenerProblem()
  if (problem !== undefined) throw new Error(`no plain bind can be tried here: ${problem}`)
  const {platform, settings} = await readMachine()
  const end = await watchPort({
    ...{port, platform, settings, timeoutSeconds, signal},
    untilFreeOn: await addressesToTry(host),
    onReading: () => undefined,
    onUnreadable: () => undefined,
  })
  signal.throwIfAborted()
  return end === 'free'
}
