import {setTimeout as delay, setImmediate as nextTurn} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import {abort, type HeldState, heldState, isAtEnd} from '../sockets/connection.ts'
import {closeNative} from '../sockets/native.ts'
import {tooSlow} from '../too-slow.ts'

/** A socket did not come into the state that a recipe wants. */
export class NotSettled extends Error {
  override name = 'NotSettled'
}

/** Loopback takes microseconds, gVisor's some milliseconds; the rest is for a machine that is busy. */
const patienceSeconds = 5
/** What takes longer than so many turns of the event loop is asked for every millisecond. */
const eagerTurns = 20

/** The sockets of some cells that are open at the moment. */
export interface Workbench {
  /** Takes over an fd, so that it is closed whatever happens. */
  keep(fd: number): number
  close(fd: number): void
  /** Asks until there is an answer, without ever blocking. @throws NotSettled, or the interruption */
  until<T>(ask: () => T | undefined, what: string): Promise<T>
  /** Waits for a state; of more than one, each will do. @throws NotSettled */
  settled(fd: number, ...states: HeldState[]): Promise<void>
  /** Waits for the other side's FIN. @throws NotSettled; SystemError of `recv` */
  end(fd: number): Promise<void>
  /** Aborts the connections that are left, so that none stays on its port. */
  clear(): void
}

/** @param signal ends all waiting at once */
export function openWorkbench(signal: AbortSignal): Workbench {
  const fds = new Set<number>()

  async function until<T>(ask: () => T | undefined, what: string): Promise<T> {
    const deadline = monotonicSeconds() + patienceSeconds
    for (let turn = 0; ; turn++) {
      const answer = ask()
      if (answer !== undefined) return answer
      signal.throwIfAborted()
      if (monotonicSeconds() > deadline) {
        throw new NotSettled(tooSlow(`${what} did not happen within ${patienceSeconds} s`))
      }
      await (turn < eagerTurns ? nextTurn() : delay(1))
    }
  }

  return {
    keep(fd) {
      fds.add(fd)
      return fd
    },
    close(fd) {
      fds.delete(fd)
      closeNative(fd)
    },
    until,
    async settled(fd, ...states) {
      await until(() => states.includes(heldState(fd)) || undefined, states.join(' or '))
    },
    async end(fd) {
      await until(() => isAtEnd(fd) || undefined, 'the FIN of the other side')
    },
    clear() {
      for (const fd of fds) abort(fd)
      fds.clear()
    },
  }
}
