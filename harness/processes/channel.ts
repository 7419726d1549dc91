import type {Socket} from 'node:net'
import type {SystemErrorFields} from './errors.ts'
import type {Pacing} from './pacing.ts'
import {
  type Answer,
  isAnswer,
  isTold,
  type Notice,
  type PaceMessage,
  type Params,
  type RequestMessage,
  type RequestName,
  type Result,
  requests,
} from './protocol.ts'

/** What carries the messages: the IPC channel of a child process. */
export interface Wire {
  /** `sent` is called with the error if the other end is gone. */
  send(message: object, connection: Socket | undefined, sent: (error: Error | null) => void): void
}

export interface ChannelListeners {
  /** @returns false for what this process may not say */
  onNotice(actor: number, notice: Notice, handle: unknown): boolean
  /** This actor has said something, or has been asked. */
  onHeard(actor: number): void
  /** It sent an unexpected message. */
  onNonsense(message: unknown): void
  /** A message could not be sent: the process has ended, or is about to. */
  onBroken(fail: (error: Error) => void): void
}

/** Who is asked: the number of an actor in the process, and the role that it plays. */
export interface Addressee {
  actor: number
  role: string
  /** The actor of the same process that keeps the namespace in which it plays. */
  inside?: number
}

interface Pending {
  actor: number
  name: RequestName
  resolve(value: unknown): void
  reject(error: Error): void
}

/** The harness's end of the conversation with one process. */
export interface Channel {
  /** @throws SystemError-like Error as the process reports it; whatever `fail` is given */
  request<Name extends RequestName>(
    to: Addressee,
    name: Name,
    params: Params<Name>,
    connection?: Socket,
  ): Promise<Result<Name>>
  pace(actor: number, pacing: Pacing): void
  /** A message has come. */
  receive(message: unknown, handle?: unknown): void
  /** Every open request fails, or those of one actor. */
  fail(error: Error, actor?: number): void
  /** Who has been asked and has not answered. */
  owing(): ReadonlySet<number>
}

/** Requests and answers, matched by number and checked by their shapes. */
export function openChannel(wire: Wire, listeners: ChannelListeners): Channel {
  const pending = new Map<number, Pending>()
  let asked = 0

  const answered = (answer: Answer): boolean => {
    const request = pending.get(answer.answerTo)
    // Whoever asked may have given up.
    if (request === undefined) return answer.answerTo <= asked
    listeners.onHeard(request.actor)
    if ('error' in answer) request.reject(remoteError(answer.error))
    else if (requests[request.name].result(answer.result)) request.resolve(answer.result)
    else return false
    pending.delete(answer.answerTo)
    return true
  }

  return {
    request: (to, name, params, connection) => {
      const {actor} = to
      const id = ++asked
      listeners.onHeard(actor)
      return new Promise((resolve, reject) => {
        pending.set(id, {actor, name, resolve: resolve as (value: unknown) => void, reject})
        const message: RequestMessage = {id, ...to, request: name, params}
        wire.send(message, connection, (error) => {
          if (error !== null) listeners.onBroken((why) => pending.get(id)?.reject(why))
        })
      })
    },
    pace(actor, pace) {
      wire.send({actor, pace} satisfies PaceMessage, undefined, () => undefined)
    },
    receive(message, handle) {
      let isKnown = false
      if (isAnswer(message)) isKnown = answered(message)
      else if (isTold(message)) {
        listeners.onHeard(message.actor)
        isKnown = listeners.onNotice(message.actor, message.tells, handle)
      }
      if (!isKnown) listeners.onNonsense(message)
    },
    fail(error, actor) {
      for (const [id, request] of pending) {
        if (actor !== undefined && request.actor !== actor) continue
        pending.delete(id)
        request.reject(error)
      }
    },
    owing: () => new Set([...pending.values()].map(({actor}) => actor)),
  }
}

function remoteError(fields: SystemErrorFields | {message: string}): Error {
  return Object.assign(new Error(fields.message), fields)
}
