import type {Socket} from 'node:net'
import {anotherUser, throughRoot} from '../namespaces/another-user.ts'
import type {Namespace} from '../namespaces/surroundings.ts'
import type {Hosts} from '../processes/hosts.ts'
import {type Actor, ActorFailed, type Listeners, launch, type Role} from '../processes/launch.ts'
import type {RequestName} from '../processes/protocol.ts'
import type {Recording} from './recording.ts'

/** The script went on after the outcome was known; not a failure. */
export class ScriptOver extends Error {
  override name = 'ScriptOver'
}

export interface CastOptions {
  program: string
  /** Where all play that need no process of their own. */
  hosts: Pick<Hosts, 'enter'>
  /** Whether the predecessor plays in a host, as all others do. */
  hosted: boolean
  /** Whether the predecessor is another user's. */
  otherUser: boolean
  /** A listening socket that the servers inherit. */
  listener: number | undefined
  /** Where all processes run, if not on the machine as it is. */
  namespace: Namespace | undefined
  recording: Recording
  /** Aborted when the outcome is known: nobody enters any more. */
  over: AbortSignal
}

/**
 * Whether an actor has something open after such a request, that closes if its process ends. One that has nothing,
 * and is asked for nothing any more, is missed by nobody.
 */
const holdsAfter: Partial<Record<RequestName, boolean>> = {
  listen: true,
  restart: true,
  connect: true,
  'try-to-connect': true,
  retry: true,
  queue: true,
  'count-queued': false,
  'take-connection': true,
  'keep-connecting': true,
  'stop-connecting': false,
  close: false,
  'close-both-ends': false,
  'close-connection': false,
  abort: false,
}

/** The actors of one scenario: who plays, and who is leaving. */
export interface Cast {
  enter(role: Role): Promise<Actor>
  /** Whoever plays that role now. @throws Error if nobody does */
  of(role: Role): Actor
  has(role: Role): boolean
  /** The script ends this one; any other end is a failure. */
  letLeave(actor: Actor): void
  /** Rejected with ActorFailed as soon as somebody ends whom the script did not end. */
  failure: Promise<never>
  /** Ends all, and waits until they have ended. */
  end(): Promise<void>
}

export function openCast(options: CastOptions): Cast {
  const {program, hosts, hosted, otherUser, listener, namespace, recording, over} = options
  const actors: Actor[] = []
  const leaving = new Set<Actor>()
  const holding = new Set<Actor>()
  let fail: (error: Error) => void = () => undefined
  const failure = new Promise<never>((_, reject) => {
    fail = reject
  })
  failure.catch(() => undefined)

  function start(role: Role, listeners: Listeners): Promise<Actor> {
    const inherits = role === 'predecessor' || role === 'successor' ? listener : undefined
    // A predecessor really ends, and a listener is inherited as a process begins; all others play in hosts.
    const isAlone = role === 'predecessor' && !hosted
    if (!isAlone && inherits === undefined) return hosts.enter(role, listeners)
    if (otherUser && role === 'predecessor') return startAsAnotherUser(role, listeners)
    return launch(program, role, listeners, {
      ...(inherits === undefined ? {} : {inherits}),
      ...(namespace === undefined ? {} : {through: namespace.enter}),
    })
  }

  /** It changes its user only once its program is loaded, as the other one may not be allowed to read that. */
  async function startAsAnotherUser(role: Role, listeners: Listeners): Promise<Actor> {
    const through = throughRoot()
    const actor = await launch(program, role, listeners, through === undefined ? {} : {through})
    try {
      await actor.request('become-user', {user: anotherUser})
      return actor
    } catch (error) {
      actor.kill()
      throw error
    }
  }

  async function enter(role: Role): Promise<Actor> {
    const started = await start(role, {
      onAttempts: (made) => {
        for (const {attempt, seconds, askedAt, outcome, error} of made) {
          const tookSeconds = Math.max(0, seconds - askedAt)
          const {code, errno, syscall, message} = error ?? {}
          const isFirst = attempt === 1
          recording.append(
            {
              ...{event: 'bind-attempt', attempt, outcome, tookSeconds},
              ...(code === undefined ? {} : {code, errno}),
              ...(isFirst && message !== undefined ? {syscall, message} : {}),
            },
            seconds,
          )
        }
      },
      onOutput: (stream, text) => recording.append({event: 'output', role, stream, text}),
    })
    const actor: Actor = {
      ...started,
      request(name, params, connection) {
        const holds = holdsAfter[name]
        if (holds === true) holding.add(actor)
        const answer = started.request(name, params, connection)
        return answer.then((result) => {
          if (holds === false) holding.delete(actor)
          return result
        })
      },
    }
    // Another one may have ended meanwhile, and all with it; nobody would end this one any more.
    if (over.aborted) {
      actor.kill()
      await actor.ended
      throw new ScriptOver()
    }
    actors.push(actor)
    const who = {event: 'process', role, pid: actor.pid, ...hostOf(actor)} as const
    recording.append({...who, change: 'started'})
    actor.ended.then((ending) => {
      const {code, signal, seconds} = ending
      recording.append({...who, change: 'ended', status: code, signal}, seconds)
      const isNeeded = holding.has(actor) || !recording.observation().scriptDone
      if (isNeeded && !leaving.has(actor)) fail(actor.failure(ending))
    })
    return actor
  }

  function playing(role: Role): Actor | undefined {
    return actors.findLast((actor) => actor.role === role)
  }

  return {
    enter,
    of(role) {
      const actor = playing(role)
      if (actor === undefined) throw new ActorFailed(`there is no ${role} in this scenario`)
      return actor
    },
    has: (role) => playing(role) !== undefined,
    letLeave: (actor) => leaving.add(actor),
    failure,
    async end() {
      for (const actor of actors) {
        leaving.add(actor)
        actor.kill()
      }
      // One that was handed over and taken by nobody is ours, and would keep this process from ending.
      for (const {connection} of actors) connection.then(destroy).catch(() => undefined)
      await Promise.all(actors.map(({ended}) => ended))
    },
  }
}

function hostOf({host}: Actor): {host?: string} {
  return host === undefined ? {} : {host}
}

function destroy(socket: Socket): void {
  socket.destroy()
}
