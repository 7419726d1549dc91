import {monotonicSeconds} from '../clock.ts'
import {exitStatus} from '../errors.ts'
import {jsonWatch, liveWatch, plainWatch} from '../feeds/watch.ts'
import {detectPlatform} from '../platforms/detect.ts'
import {columnsOf} from '../render/wrap.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {addressesToTry} from '../why/addresses.ts'
import {watchPort} from '../why/watch.ts'
import {listenForInterruption} from './interruption.ts'

export interface WatchCommandOptions {
  host?: string
  json?: boolean
  untilFree?: boolean
  timeout?: number
}

/** `rebind watch PORT`: the port's sockets while they come and go, with the time that they have left. */
export async function watch(
  port: number,
  {host, json = false, untilFree = false, timeout}: WatchCommandOptions,
): Promise<number> {
  const platform = detectPlatform()
  if (untilFree && nativeOpenerProblem() !== undefined) {
    throw new Error(`--until-free cannot try a plain bind: ${nativeOpenerProblem()}`)
  }
  if (platform.readSockets === null && !untilFree) {
    throw new Error(`${platform.title} does not show its sockets; --until-free works without that`)
  }
  const untilFreeOn = untilFree ? await addressesToTry(host) : undefined
  const settings = await platform.readSettings()
  const interruption = listenForInterruption()
  const unread = new AbortController()
  // A reader that has seen enough (`| head -1`) ends the watch.
  process.stdout.once('error', () => unread.abort())

  const {stdout} = process
  const title = {port, began: monotonicSeconds(), untilFree}
  const display = json
    ? jsonWatch(stdout, title)
    : stdout.isTTY && columnsOf(stdout) !== undefined
      ? await liveWatch(stdout, title)
      : plainWatch(stdout, title)
  if (platform.hiddenStates.length > 0) {
    process.stderr.write(
      `${platform.title} does not show ${platform.hiddenStates.join(', ')}; --until-free also waits for those to go\n`,
    )
  }
  try {
    const end = await watchPort({
      port,
      platform,
      settings,
      untilFreeOn,
      timeoutSeconds: timeout,
      signal: AbortSignal.any([interruption.signal, unread.signal]),
      onReading: display.reading,
      onUnreadable: (why) => {
        process.stderr.write(`rebind: the sockets are not shown: ${why}; only binds are tried\n`)
      },
    })
    display.close()
    if (end === 'free') display.free()
    if (end === 'timed-out' && untilFree) {
      process.stderr.write(`rebind: port ${port} is not free after ${timeout} s\n`)
    }
    const isNotFree = untilFree && end !== 'free'
    return interruption.exitStatus() ?? (isNotFree ? exitStatus.unexpected : exitStatus.asExpected)
  } finally {
    display.close()
    interruption.dispose()
  }
}
