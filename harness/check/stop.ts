import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import type {CommandEnding} from '../processes/protocol.ts'
import type {CheckRound} from '../reports/check-schema.ts'
import type {CheckContext} from './context.ts'
import {holdersOf} from './port-view.ts'
import type {Prober} from './prober.ts'
import type {ServerStart} from './server.ts'

export type Stop =
  | {kind: 'daemonised'; holders: Holder[]}
  | {
      kind: 'stopped'
      /** When the signal was sent; with `none`, when the wait began. Monotonic, as are the others. */
      stoppedAt: number
      stoppedAcceptingAt: number
      ending: CommandEnding
      exitedBy: CheckRound['exitedBy']
      timedOut: boolean
    }

const lookEveryMilliseconds = 10

/** Has the server exit, with SIGKILL to all of its processes if it does not in time. */
export async function stopServer(
  {options, look, platform, host, signal, onEvent}: CheckContext,
  server: ServerStart,
  prober: Prober,
): Promise<Stop> {
  const {stop, stopTimeoutSeconds, port} = options
  const ownEnding = server.ending()
  if (ownEnding?.code === 0 && look !== null) {
    const holders = await holdersOf(platform, port, (await look()).listeners)
    const pids = host.processes()
    const daemons = holders.filter(({pid}) => pids.includes(pid))
    if (daemons.length > 0) return {kind: 'daemonised', holders: daemons}
  }
  const stoppedAt = monotonicSeconds()
  const deadline = stoppedAt + stopTimeoutSeconds
  if (stop !== 'none') await host.signal(server, stop)
  onEvent?.('step', {at: stoppedAt, step: `stop ${stop}`})
  let stoppedAcceptingAt: number | undefined
  let timedOut = false
  while (server.ending() === undefined) {
    signal.throwIfAborted()
    const at = monotonicSeconds()
    if (look !== null && stoppedAcceptingAt === undefined) {
      if ((await look()).listeners.length === 0) {
        stoppedAcceptingAt = at
        prober.resume()
      }
    }
    if (at > deadline && !timedOut) {
      timedOut = true
      host.kill(host.processes())
    }
    const wake = new AbortController()
    await Promise.race([
      server.ended,
      delay(lookEveryMilliseconds, undefined, {signal: wake.signal}),
    ]).finally(() => wake.abort())
  }
  const ending = await server.ended
  onEvent?.('process', {
    at: ending.seconds,
    role: 'predecessor',
    pid: server.pid,
    change: 'ended',
    status: ending.code,
    signal: ending.signal,
  })
  return {
    kind: 'stopped',
    stoppedAt,
    stoppedAcceptingAt: Math.min(stoppedAcceptingAt ?? ending.seconds, ending.seconds),
    ending,
    exitedBy: timedOut ? 'SIGKILL' : stop === 'none' || ownEnding !== undefined ? 'itself' : stop,
    timedOut,
  }
}
