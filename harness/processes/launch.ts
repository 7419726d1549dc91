import {Socket} from 'node:net'
import {deferred} from '../deferred.ts'
import type {Addressee, Channel} from './channel.ts'
import {
  type ChildListeners,
  type Ending,
  type HostKind,
  type LaunchOptions,
  type Role,
  startChild,
} from './child.ts'
import type {Pacing} from './pacing.ts'
import {
  type BindAttempt,
  type Notice,
  type NoticeOf,
  type Params,
  type RequestName,
  type Result,
  soleActor,
} from './protocol.ts'

export {ActorFailed, type Ending, type LaunchOptions, type Role} from './child.ts'

/** What an actor tells by itself. */
export interface Listeners {
  onAttempts?(attempts: BindAttempt[]): void
  onOutput?(stream: 'stdout' | 'stderr', text: string): void
  onEnd?(ending: Ending): void
  onCommandOutput?(output: NoticeOf<'command-output'>): void
  onCommandEnded?(ending: NoticeOf<'command-ended'>): void
  /** All that an ended command wrote has been told. */
  onCommandSilent?(command: NoticeOf<'command-silent'>): void
}

/** A role that is played: by a process of its own, or in a host beside others. */
export interface Actor {
  role: Role
  /** Of the process that plays it. */
  pid: number
  /** Set where that is a host. */
  host?: HostKind
  /** Its number in the host. */
  number?: number
  /**
   * Asks for something and waits for the answer.
   * @throws SystemError-like Error as the process reports it; ActorFailed if the process ends before it
   * answers, or says nothing for half a minute.
   */
  request<Name extends RequestName>(
    name: Name,
    params: Params<Name>,
    connection?: Socket,
  ): Promise<Result<Name>>
  /** Tells a successor its new pacing. */
  pace(pacing: Pacing): void
  /** The connection that a predecessor hands over. */
  connection: Promise<Socket>
  ended: Promise<Ending>
  /** The error that says how it ended. */
  failure(ending: Ending): Error
  /** Ends it by force, unless it has ended already: its process, or its part in the host's. */
  kill(): void
}

/** Starts a process that plays one role; resolved when it is ready for requests. */
export async function launch(
  program: string,
  role: Role,
  listeners: Listeners = {},
  options: LaunchOptions = {},
): Promise<Actor> {
  const part = openPart(listeners)
  const child = await startChild(
    program,
    role,
    {
      onNotice: (_, notice, handle) => part.noticed(notice, handle),
      onOutput: (stream, text) => listeners.onOutput?.(stream, text),
      onFault: part.fail,
    } satisfies ChildListeners,
    options,
  )
  child.ended.then((ending) => listeners.onEnd?.(ending))
  const {pid, ended, failure, kill} = child
  return {role, pid, ended, failure, kill, ...part.speech(child.channel, {actor: soleActor, role})}
}

/** What an actor says and is asked, wherever it is played. */
export function openPart(listeners: Listeners) {
  const connection = deferred<Socket>()
  // Nobody waits for it but where a connection is handed over.
  connection.promise.catch(() => undefined)
  let lastError: BindAttempt['error']

  /** The successor tells an error once, and the same one again by leaving it out. */
  function withErrors(attempts: BindAttempt[]): BindAttempt[] {
    return attempts.map((attempt) => {
      if (attempt.outcome === 'granted') return attempt
      lastError = attempt.error ?? lastError
      return lastError === undefined ? attempt : {...attempt, error: lastError}
    })
  }

  return {
    noticed(notice: Notice, handle: unknown): boolean {
      if (notice.notice === 'attempts') listeners.onAttempts?.(withErrors(notice.attempts))
      else if (notice.notice === 'output') listeners.onOutput?.('stdout', notice.text)
      else if (notice.notice === 'connection') {
        if (!(handle instanceof Socket)) return false
        connection.resolve(handle)
      } else if (notice.notice === 'command-output') listeners.onCommandOutput?.(notice)
      else if (notice.notice === 'command-ended') listeners.onCommandEnded?.(notice)
      else if (notice.notice === 'command-silent') listeners.onCommandSilent?.(notice)
      return true
    },
    fail: (error: Error) => connection.reject(error),
    speech(channel: Channel, to: Addressee) {
      return {
        connection: connection.promise,
        request: ((name, params, socket) =>
          channel.request(to, name, params, socket)) as Actor['request'],
        pace: (pacing: Pacing) => channel.pace(to.actor, pacing),
      }
    },
  }
}

export type Part = ReturnType<typeof openPart>
