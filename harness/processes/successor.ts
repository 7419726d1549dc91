import {once} from 'node:events'
import {createServer, type Server, type Socket} from 'node:net'
import {constants} from 'node:os'
import pRetry from 'p-retry'
import {monotonicSeconds} from '../clock.ts'
import {bindError, closeNative, makeSocket, preparedBind} from '../sockets/native.ts'
import {openPort} from '../sockets/opener.ts'

import {errorFields, type SystemErrorFields} from './errors.ts'
import {greetingLine} from './greeting.ts'
import {isDense, type Pacing, pauseMilliseconds} from './pacing.ts'
import {openServer} from './predecessor.ts'
import type {BindAttempt, Handlers, Restart, RestartOutcome, ServerToOpen} from './protocol.ts'
import type {Play, Tell} from './role.ts'
import {openTicker} from './ticker.ts'

const reportEveryMilliseconds = 50
/** A policy's pauses may be longer than the harness waits for a sign of life. */
const signOfLifeEveryMilliseconds = 5000

/** All successors of a host try by one clock. */
const ticker = openTicker()
/** Those that try densely now. */
const dense = new Set<object>()
/**
 * So many can try at that pace: an attempt costs this process and the harness some 10 us each, and whoever measures
 * beside must still get a processor. With more of them each tries less often.
 */
const denseAtOnce = 26

/** The server after the restart: it tries to open the port until that is granted. */
export function openSuccessor(tell: Tell): Play {
  let pacing: Pacing = {kind: 'proportional'}
  let wake: () => void = () => undefined
  let candidate: Candidate | undefined
  /** One that inherits its socket has nothing to bind, and listens as any server does. */
  const heir = openServer(tell)

  /** Waits for the next attempt's turn, again whenever the pacing changes; never beyond the deadline. */
  async function pause(firstAttemptAt: number, deadline: number): Promise<void> {
    const pausedAt = monotonicSeconds()
    for (let rung = false; !rung; ) {
      if (isDense(pacing, pausedAt)) dense.add(handlers)
      else dense.delete(handlers)
      const crowd = dense.has(handlers) ? Math.max(1, dense.size / denseAtOnce) : 1
      const milliseconds = crowd * pauseMilliseconds(pacing, pausedAt, firstAttemptAt)
      const due = pausedAt + milliseconds / 1000
      rung = await new Promise<boolean>((resolve) => {
        const ring = () => resolve(true)
        wake = () => {
          ticker.forget(ring)
          resolve(false)
        }
        ticker.ringAt(Math.min(due, deadline), ring)
      })
    }
  }

  const handlers = {
    listen: heir.handlers.listen,

    async restart({
      server,
      retry,
      limitSeconds,
      wait,
      pacing: first,
    }: Restart): Promise<RestartOutcome> {
      pacing = first
      const attempts = openAttempts(tell)
      const tried = openCandidate(server)
      candidate = tried
      const firstAttemptAt = monotonicSeconds()
      const deadline = firstAttemptAt + limitSeconds
      let askedAt = firstAttemptAt
      let warm = true
      let expired = false
      try {
        const tryOnce = async (attempt: number) => {
          const asked = monotonicSeconds()
          const {seconds, refused} = await tried.attempt()
          const made = {attempt, askedAt: asked, seconds}
          if (refused === undefined) attempts.add({...made, outcome: 'granted'})
          else {
            attempts.add({...made, outcome: 'refused'}, refused)
            throw refusal
          }
        }
        if (retry !== undefined) {
          const alive = setInterval(() => attempts.report(), signOfLifeEveryMilliseconds)
          await pRetry(tryOnce, {
            ...retry,
            maxRetryTime: limitSeconds * 1000,
            shouldRetry: ({error}) => wait && error === refusal,
          }).finally(() => clearInterval(alive))
          return {granted: true}
        }
        await pRetry(tryOnce, {
          retries: Number.POSITIVE_INFINITY,
          minTimeout: 0,
          shouldRetry: ({error}) => wait && error === refusal && !expired,
          // p-retry's own pauses grow by a factor; ours follow the residue, so the pause is made here.
          async onFailedAttempt({error}) {
            // The last attempt is the one made at the limit, so that a late release is not missed, however long
            // an earlier one took to be answered.
            expired = askedAt >= deadline
            if (!wait || error !== refusal || expired) return
            await pause(firstAttemptAt, deadline)
            const dense = isDense(pacing, monotonicSeconds())
            if (dense && !warm) await openAnyPort(server)
            warm = dense
            askedAt = monotonicSeconds()
          },
        })
        return {granted: true}
      } catch (error) {
        if (error === refusal) return {granted: false}
        throw error
      } finally {
        dense.delete(handlers)
        attempts.flush()
      }
    },

    exit: heir.handlers.exit,
  } satisfies Handlers

  return {
    handlers,
    setPacing(newPacing) {
      pacing = newPacing
      wake()
    },
    close() {
      dense.delete(handlers)
      heir.close()
      candidate?.close()
    },
  }
}

/** Refused is what the OS may later grant. Thrown a thousand times a second: to make an error takes as long as a bind. */
const refusal = new Error('the port is refused')

interface Candidate {
  /**
   * Tries once; when the OS had answered, and its error if that was a refusal.
   * @throws SystemError for EACCES, EMFILE and the like, which are faults of another kind
   */
  attempt(): Promise<{seconds: number; refused?: SystemErrorFields}>
  close(): void
}

/** A server that does not listen yet. */
function openCandidate(wanted: ServerToOpen): Candidate {
  const connections = new Set<Socket>()
  let server: Server | undefined
  let over = false
  let kept: {fd: number; bind(): number} | undefined
  let inUse: SystemErrorFields | undefined

  function candidate(): Server {
    server = createServer((socket) => {
      connections.add(socket)
      socket.once('close', () => connections.delete(socket))
      socket.on('error', () => undefined)
      socket.write(greetingLine(wanted.greeting))
      socket.resume()
    })
    return server
  }

  async function listened(listen: () => Promise<number>) {
    try {
      const seconds = await listen()
      if (over) server?.close()
      return {seconds}
    } catch (error) {
      const fields = errorFields(error)
      if (!('code' in fields) || fields.code !== 'EADDRINUSE') throw error
      return {seconds: monotonicSeconds(), refused: fields}
    }
  }

  return {
    async attempt() {
      if (wanted.opener === 'node') return listened(() => openPort(candidate(), 'node', wanted))
      kept ??= keepSocket(wanted)
      const {fd, bind} = kept
      const errno = bind()
      if (errno === constants.errno.EADDRINUSE) {
        const seconds = monotonicSeconds()
        inUse ??= errorFields(bindError(errno, wanted.address, wanted.port)) as SystemErrorFields
        return {seconds, refused: inUse}
      }
      if (errno !== 0) throw bindError(errno, wanted.address, wanted.port)
      // From here on the socket is the server's; if listen(2) refuses, the next attempt needs another one.
      kept = undefined
      return listened(async () => {
        const opened = candidate().listen({fd})
        const grantedAt = monotonicSeconds()
        await once(opened, 'listening')
        return grantedAt
      })
    },
    close() {
      over = true
      server?.close()
      for (const socket of connections) socket.destroy()
      if (kept !== undefined) closeNative(kept.fd)
      kept = undefined
    },
  }
}

/** A socket that is bound again and again until that is granted. */
function keepSocket(wanted: ServerToOpen) {
  const fd = makeSocket(wanted)
  return {fd, bind: preparedBind(fd, wanted.address, wanted.port)}
}

/**
 * Opens and closes a port of the OS's choice. Code that lay idle for a minute needs 1 to 2 ms for its next
 * call, which would be counted as uncertainty if that call were the grant.
 */
async function openAnyPort(wanted: ServerToOpen): Promise<void> {
  const server = createServer()
  await openPort(server, wanted.opener, {...wanted, port: 0})
  server.close()
  await once(server, 'close')
}

/** Collects attempts and tells them in batches: a message for each would cost more than the bind. */
function openAttempts(tell: Tell) {
  let pending: BindAttempt[] = []
  let reportedAt = monotonicSeconds()
  let lastError: SystemErrorFields | undefined

  /** Says what has not been said yet, even if that is nothing. */
  function report(): void {
    // Nobody is left to be told where the channel is closed.
    tell({notice: 'attempts', attempts: pending}).catch(() => undefined)
    pending = []
    reportedAt = monotonicSeconds()
  }
  return {
    report,
    /** An error that is the last one's again is not told again. */
    add(attempt: BindAttempt, error?: SystemErrorFields): void {
      pending.push(error === undefined || error === lastError ? attempt : {...attempt, error})
      lastError = error
      const isDue = (monotonicSeconds() - reportedAt) * 1000 >= reportEveryMilliseconds
      if (attempt.attempt === 1 || isDue) report()
    },
    flush(): void {
      if (pending.length > 0) report()
    },
  }
}
