import {once} from 'node:events'
import {createServer} from 'node:net'
import pRetry from 'p-retry'
import {monotonicSeconds} from '../clock.ts'
import {openPort} from '../sockets/opener.ts'
import {isSystemError} from '../sockets/system-error.ts'
import {errorFields, type SystemErrorFields} from './errors.ts'
import type {
  BindAttempt,
  Handlers,
  Notice,
  Restart,
  RestartOutcome,
  ServerToOpen,
} from './messages.ts'
import {isDense, type Pacing, pauseMilliseconds} from './pacing.ts'

const reportEveryMilliseconds = 250
/** A policy's pauses may be longer than the harness waits for a sign of life. */
const signOfLifeEveryMilliseconds = 5000

let pacing: Pacing = {kind: 'proportional'}
let wake: () => void = () => undefined

/** The harness has learnt more about when the residue can go. */
export function setPacing(newPacing: Pacing): void {
  pacing = newPacing
  wake()
}

/** The server after the restart: it tries to open the port until that is granted. */
export const successorHandlers = {
  async prepare(takes: ServerToOpen): Promise<null> {
    await openAnyPort(takes)
    return null
  },

  async restart(takes: Restart): Promise<RestartOutcome> {
    pacing = takes.pacing
    const attempts = new AttemptLog()
    const firstAttemptAt = monotonicSeconds()
    const deadline = firstAttemptAt + takes.limitSeconds
    let askedAt = firstAttemptAt
    let warm = true
    let expired = false
    try {
      const tryOnce = (attempt: number) => tryToOpen(takes.server, attempt, attempts)
      if (takes.retry !== undefined) {
        const alive = setInterval(() => attempts.report(), signOfLifeEveryMilliseconds)
        await pRetry(tryOnce, {
          ...takes.retry,
          maxRetryTime: takes.limitSeconds * 1000,
          shouldRetry: ({error}) => takes.wait && isRefusal(error),
        }).finally(() => clearInterval(alive))
        return {granted: true}
      }
      await pRetry(tryOnce, {
        retries: Number.POSITIVE_INFINITY,
        minTimeout: 0,
        shouldRetry: ({error}) => takes.wait && isRefusal(error) && !expired,
        // p-retry's own pauses grow by a factor; ours follow the residue, so the pause is made here.
        async onFailedAttempt({error}) {
          // The last attempt is the one made at the limit, so that a late release is not missed, however long
          // an earlier one took to be answered.
          expired = askedAt >= deadline
          if (!takes.wait || !isRefusal(error) || expired) return
          await pause(firstAttemptAt, deadline)
          const dense = isDense(pacing, monotonicSeconds())
          if (dense && !warm) await openAnyPort(takes.server)
          warm = dense
          askedAt = monotonicSeconds()
        },
      })
      return {granted: true}
    } catch (error) {
      if (isRefusal(error)) return {granted: false}
      throw error
    } finally {
      attempts.flush()
    }
  },
} satisfies Handlers

/**
 * Opens and closes a port of the OS's choice. Code that lay idle for a minute needs 1 to 2 ms for its next
 * call, which would be counted as uncertainty if that call were the grant.
 */
async function openAnyPort(takes: ServerToOpen): Promise<void> {
  const server = createServer()
  await openPort(server, takes.opener, {...takes, port: 0})
  server.close()
  await once(server, 'close')
}

async function tryToOpen(
  takes: ServerToOpen,
  attempt: number,
  attempts: AttemptLog,
): Promise<void> {
  const candidate = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write(`successor ${process.pid}\n`)
    socket.resume()
  })
  const askedAt = monotonicSeconds()
  try {
    const seconds = await openPort(candidate, takes.opener, takes)
    attempts.add({attempt, askedAt, seconds, outcome: 'granted'})
  } catch (error) {
    if (isRefusal(error)) {
      const fields = errorFields(error) as SystemErrorFields
      attempts.add({
        attempt,
        askedAt,
        seconds: monotonicSeconds(),
        outcome: 'refused',
        error: fields,
      })
    }
    throw error
  }
}

/** Refused is what the OS may later grant; EACCES, EMFILE and the like are faults of another kind. */
function isRefusal(error: unknown): boolean {
  return isSystemError(error) && error.code === 'EADDRINUSE'
}

/** Waits for the next attempt's turn, anew whenever the pacing changes; never beyond the deadline. */
async function pause(firstAttemptAt: number, deadline: number): Promise<void> {
  const pausedAt = monotonicSeconds()
  for (;;) {
    const now = monotonicSeconds()
    const due = pausedAt * 1000 + pauseMilliseconds(pacing, pausedAt, firstAttemptAt)
    const left = Math.min(due, deadline * 1000) - now * 1000
    // setTimeout rounds to whole milliseconds; what is left of one is not worth a timer.
    if (left < 0.5) return
    let rung = false
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, left)
      wake = () => {
        rung = true
        clearTimeout(timer)
        resolve()
      }
    })
    if (!rung) return
  }
}

/** Collects attempts and reports them in batches: a message for each would cost more than the bind. */
class AttemptLog {
  #pending: BindAttempt[] = []
  #reportedAt = monotonicSeconds()

  add(attempt: BindAttempt): void {
    this.#pending.push(attempt)
    const isFirst = attempt.attempt === 1
    const isDue = (monotonicSeconds() - this.#reportedAt) * 1000 >= reportEveryMilliseconds
    if (isFirst || isDue) this.flush()
  }

  flush(): void {
    if (this.#pending.length > 0) this.report()
  }

  /** Says what has not been said yet, even if that is nothing. */
  report(): void {
    const notice: Notice = {notice: 'attempts', attempts: this.#pending}
    process.send?.(notice)
    this.#pending = []
    this.#reportedAt = monotonicSeconds()
  }
}
