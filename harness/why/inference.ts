import type {Platform, ServerOptions} from '../platforms/platform.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import type {Address} from '../sockets/address.ts'
import {type BindFlags, type BindOption, bindFlags, bindOptions} from '../sockets/bind-options.ts'
import type {BindTrial} from './bind-trials.ts'

type Rules = NonNullable<Platform['rules']>

/** What lies on the port, as the bind rules look at it: many connections of one address are one obstacle. */
export interface Obstacle {
  state: TcpState
  /** The socket's own address; `::` of a listener may be dual-stack, which the tables do not show. */
  address: Address
  /** It belongs to another user, for whom SO_REUSEPORT does not count. */
  foreign: boolean
}

/** What the options of the sockets in the way must be; null where the trials do not tell. */
export interface Inference {
  reuseaddr: boolean | null
  reuseport: boolean | null
  /** One assumption that explains all that was observed. */
  example: {bind: BindOption; dualStack: boolean}
}

export function obstacleOf({state, local, uid}: SocketEntry, ownUid: number | null): Obstacle {
  return {
    state,
    // A connection that a dual-stack listener accepted is to the rules one of IPv4.
    address: local.address.replace(/^::ffff:(?=\d+\.)/, ''),
    foreign: uid !== undefined && ownUid !== null && uid !== ownUid,
  }
}

/** Each kind of obstacle once. */
export function distinct(obstacles: readonly Obstacle[]): Obstacle[] {
  const byKey = new Map(
    obstacles.map((each) => [`${each.state} ${each.address} ${each.foreign}`, each]),
  )
  return [...byKey.values()]
}

/** The predecessor that such an obstacle comes from, under an assumption. */
export function predecessorOf(
  {state, address}: Pick<Obstacle, 'state' | 'address'>,
  {bind, dualStack}: {bind: BindOption; dualStack: boolean},
): ServerOptions {
  return {bind, address: state === 'LISTEN' && address === '::' && dualStack ? 'dual' : address}
}

/**
 * Which options the sockets in the way carry: those under which the operating system's rules would give
 * exactly the answers that the trials gave. All of them are taken to be of one server.
 * @returns undefined if no assumption explains the answers
 */
export function inferOptions(
  rules: Rules,
  obstacles: readonly Obstacle[],
  trials: readonly BindTrial[],
): Inference | undefined {
  // SO_REUSEPORT is refused to another user's process whatever that has set.
  const foreign = obstacles.some((obstacle) => obstacle.foreign)
  const telling = trials.filter(
    ({bind, observed}) =>
      (observed === 'granted' || observed === 'EADDRINUSE') &&
      !(foreign && bindFlags(bind).reuseport),
  )
  if (obstacles.length === 0 || telling.length === 0) return undefined
  const assumptions = bindOptions.flatMap((bind) =>
    [true, false].map((dualStack) => ({bind, dualStack})),
  )
  const fitting = assumptions.filter((assumption) =>
    telling.every(({address, bind, observed}) => {
      const refused = obstacles.some(
        (obstacle) =>
          rules.bind({
            residue: obstacle.state,
            predecessor: predecessorOf(obstacle, assumption),
            successor: {bind, address},
          }).outcome !== 'granted',
      )
      return refused === (observed !== 'granted')
    }),
  )
  const [example] = fitting
  if (example === undefined) return undefined
  const agreed = (flag: keyof BindFlags) => {
    const values = new Set(fitting.map(({bind}) => bindFlags(bind)[flag]))
    return values.size === 1 ? values.has(true) : null
  }
  return {reuseaddr: agreed('reuseaddr'), reuseport: agreed('reuseport'), example}
}
