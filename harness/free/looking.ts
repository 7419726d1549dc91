import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {Free} from '../documents/free-schema.ts'
import {socketsInTheWay} from '../why/causes.ts'
import type {PortPicture, PortSocket} from '../why/port-picture.ts'

/** How the port is looked at again and again, and how long. */
export interface Looking {
  port: number
  /** How long a process may go on to listen before SIGKILL. */
  timeoutSeconds: number
  /** How long one that does not listen any more may take to finish its work. */
  drainSeconds: number
  signal: AbortSignal
  /** Told what is waited for, a line each. */
  tell(line: string): void
  /** Whether a plain bind is granted. */
  isFree(): boolean
  look(): Promise<PortPicture>
}

/** Why the port is not free: who listens on it, or another reason. */
export type Problem = PortSocket | Pick<Free, 'because' | 'restartedBy'>

/** A refused bind costs microseconds, and the kernel lets go between two looks. */
const tryEveryMilliseconds = 50
const lookEverySeconds = 0.5

export function listenersIn(picture: PortPicture): PortSocket[] {
  return socketsInTheWay(picture).filter(({entry}) => entry.state === 'LISTEN')
}

/** Who listens; a listener without a process is of one that is just ending. */
export function liveListenerIn(picture: PortPicture): PortSocket | undefined {
  return listenersIn(picture).find(({holders}) => holders.length > 0)
}

export function stillRefused(port: number): Problem {
  return {because: `it is still refused; rebind why ${port} shows what is on it`}
}

export const interrupted: Problem = {because: 'interrupted'}

/** Waits until the port is free, or it is time for the next look. */
export async function untilNextLook({signal, isFree}: Looking, whileWaiting?: () => void) {
  const deadline = monotonicSeconds() + lookEverySeconds
  while (monotonicSeconds() < deadline && !signal.aborted) {
    whileWaiting?.()
    if (isFree()) return
    await delay(tryEveryMilliseconds, undefined, {signal}).catch(() => undefined)
  }
}
