import {monotonicSeconds} from '../clock.ts'
import {deferred} from '../deferred.ts'
import {TooSlow} from '../too-slow.ts'
import {
  ActorFailed,
  type Child,
  type Ending,
  type HostKind,
  type LaunchOptions,
  type Role,
  startChild,
} from './child.ts'
import {type Actor, type Listeners, openPart, type Part} from './launch.ts'

export type HostOfRole = (role: Role) => HostKind | undefined

const onTheMachine: Partial<Record<Role, HostKind>> = {
  client: 'client-host',
  holder: 'client-host',
  // One whose process need not end.
  predecessor: 'client-host',
  'other-server': 'client-host',
  successor: 'successor-host',
}

/** Few processes that play many actors each: a process of Node's costs 66 ms of a core and 10 MB. */
export interface Hosts {
  /**
   * A new actor in the host for its role, which is started, or started again after its end, if need be.
   * @param inside the number of the actor that keeps the namespace in which it plays
   */
  enter(role: Role, listeners?: Listeners, inside?: number): Promise<Actor>
  /** Ends the hosts, and waits until they have ended. */
  close(): Promise<void>
}

interface Host {
  child: Child
  actors: Map<number, HostedActor>
}

interface HostedActor {
  part: Part
  /** It has left by itself or by force, or its host has ended. */
  end(ending: Ending, why?: Error): void
}

export interface HostsOptions extends Pick<LaunchOptions, 'through'> {
  /** Which host plays a role. What binds densely is kept away from what answers and asks. */
  hostOf?: HostOfRole
  /** Told of each host's start and end. */
  onProcess?(kind: HostKind, pid: number, ending?: Ending): void
}

export function openHosts(
  program: string,
  {hostOf = (role) => onTheMachine[role], onProcess, ...options}: HostsOptions = {},
): Hosts {
  const hosts = new Map<HostKind, Promise<Host>>()
  let numbered = 0

  function host(kind: HostKind): Promise<Host> {
    const known = hosts.get(kind)
    if (known !== undefined) return known
    const started = start(kind)
    hosts.set(kind, started)
    // Whoever comes after a failure gets a new one.
    started.catch(() => hosts.get(kind) === started && hosts.delete(kind))
    return started
  }

  async function start(kind: HostKind): Promise<Host> {
    const actors: Host['actors'] = new Map()
    const child = await startChild(
      program,
      kind,
      {
        onNotice: (actor, notice, handle) =>
          actors.get(actor)?.part.noticed(notice, handle) ?? true,
        onOutput: () => undefined,
        onSilent: (actor, seconds, starved) => {
          const words = `an actor in the ${kind} (pid ${child.pid}) has been silent for ${seconds} s`
          leave(started, actor, starved ? new TooSlow(words) : new ActorFailed(words))
        },
        onFault: (error) => {
          for (const {part} of actors.values()) part.fail(error)
        },
      },
      options,
    )
    const started: Host = {child, actors}
    onProcess?.(kind, child.pid)
    child.ended.then((ending) => {
      onProcess?.(kind, child.pid, ending)
      hosts.delete(kind)
      for (const actor of actors.values()) actor.end(ending, child.failure(ending))
    })
    return started
  }

  /** Ends one actor; the host closes all that is its. */
  function leave({child, actors}: Host, actor: number, why: Error): void {
    child.channel.fail(why, actor)
    const end = () => {
      actors.get(actor)?.end({code: null, signal: 'SIGKILL', seconds: monotonicSeconds()}, why)
    }
    child.channel.request({actor, role: ''}, 'leave', null).then(end, end)
  }

  return {
    async enter(role, listeners = {}, inside) {
      const kind = hostOf(role)
      if (kind === undefined) throw new Error(`a ${role} is a process of its own`)
      const entered = await host(kind)
      const {child, actors} = entered
      const actor = ++numbered
      const part = openPart(listeners)
      const ended = deferred<Ending>()
      let failure: Error | undefined
      const within = inside === undefined ? {} : {inside}
      const speech = part.speech(child.channel, {actor, role, ...within})
      actors.set(actor, {
        part,
        end(ending, why) {
          failure ??= why
          actors.delete(actor)
          part.fail(why ?? new ActorFailed(`the ${role} has left its host`))
          listeners.onEnd?.(ending)
          ended.resolve(ending)
        },
      })
      return {
        role,
        pid: child.pid,
        host: kind,
        number: actor,
        ...speech,
        request: (name, params, connection) => {
          const answer = speech.request(name, params, connection)
          if (name !== 'exit') return answer
          return answer.then((result) => {
            actors.get(actor)?.end({code: 0, signal: null, seconds: monotonicSeconds()})
            return result
          })
        },
        ended: ended.promise,
        failure: () => failure ?? new ActorFailed(`the ${role} in process ${child.pid} was ended`),
        kill: () => {
          if (actors.has(actor)) {
            leave(entered, actor, new ActorFailed(`the ${role} in process ${child.pid} was ended`))
          }
        },
      }
    },
    async close() {
      const children = await Promise.allSettled(hosts.values())
      await Promise.all(
        children.map((started) => {
          if (started.status === 'rejected') return undefined
          started.value.child.kill()
          return started.value.child.ended
        }),
      )
    },
  }
}
