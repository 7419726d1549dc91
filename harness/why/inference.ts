import {bugBehind} from '../platforms/known-bugs.ts'
import type {BindQuestion, Platform, RuleAnswer, ServerOptions} from '../platforms/platform.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import type {Address} from '../sockets/address.ts'
import {type BindOption, bindFlags, bindOptions} from '../sockets/bind-options.ts'
import type {BindTrial} from './bind-trials.ts'
import type {PortSocket} from './port-picture.ts'

type Rules = NonNullable<Platform['rules']>

/** What lies on the port, as the bind rules look at it: many connections of one address are one obstacle. */
export interface Obstacle {
  state: TcpState
  /** The socket's own address; `::` of a listener may be dual-stack, which the tables do not show. */
  address: Address
  /** Whether it belongs to another user; null where that is not shown. */
  foreign: boolean | null
}

/** One assumption on the sockets in the way, which are all taken to be of one server. */
interface Assumption {
  bind: BindOption
  dualStack: boolean
  /** Of those whose user is not shown. */
  foreign: boolean
}

/** What the options of the sockets in the way must be; null where the trials do not tell. */
export interface Inference {
  reuseaddr: boolean | null
  reuseport: boolean | null
  /** Whether they are another user's. */
  foreign: boolean | null
  /** One assumption that explains all that was observed. */
  example: Assumption
  /** Known bugs of this kernel without which no assumption would. */
  bugs: RuleAnswer[]
}

/** Who asks, and whom. */
export interface Asker {
  /** The upstream version of the kernel; undefined where it is not known. */
  kernel?: string | undefined
  isRoot?: boolean
}

export function obstacleOf(
  {entry: {state, local, uid}, holders}: Pick<PortSocket, 'entry' | 'holders'>,
  ownUid: number | null,
): Obstacle {
  const owner = uid ?? holders[0]?.uid ?? null
  return {
    state,
    address: local.address,
    foreign: ownUid === null ? false : owner === null ? null : owner !== ownUid,
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
  {bind, dualStack}: Pick<Assumption, 'bind' | 'dualStack'>,
): ServerOptions {
  return {bind, address: state === 'LISTEN' && address === '::' && dualStack ? 'dual' : address}
}

/** What the rules are asked of a bind over an obstacle, under an assumption. */
export function questionOver(
  obstacle: Obstacle,
  assumption: Assumption,
  successor: ServerOptions,
  {isRoot = false}: Asker,
): BindQuestion {
  const foreign = obstacle.foreign ?? assumption.foreign
  return {
    residue: obstacle.state,
    predecessor: predecessorOf(obstacle, assumption),
    successor,
    ...(foreign ? {otherUser: isRoot ? 'root' : 'not-root'} : {}),
  }
}

/**
 * Which options the sockets in the way carry: those under which the operating system's rules, and the known bugs of its
 * version, would give exactly the answers that the trials gave. All of them are taken to be of one server.
 * @returns undefined if no assumption explains the answers
 */
export function inferOptions(
  rules: Rules,
  obstacles: readonly Obstacle[],
  trials: readonly BindTrial[],
  asker: Asker = {},
): Inference | undefined {
  // Of another user's socket Linux does not show whether it is one of SO_REUSEPORT.
  const isForeign = obstacles.some(({foreign}) => foreign === true)
  const telling = trials.filter(
    ({bind, observed}) =>
      (observed === 'granted' || observed === 'EADDRINUSE') &&
      !(isForeign && bindFlags(bind).reuseport),
  )
  if (obstacles.length === 0 || telling.length === 0) return undefined
  const users = obstacles.some(({foreign}) => foreign === null) ? [false, true] : [false]
  const assumptions = users.flatMap((foreign) =>
    bindOptions.flatMap((bind) => [true, false].map((dualStack) => ({bind, dualStack, foreign}))),
  )
  const fitting = assumptions.flatMap((assumption) => {
    const predictions = telling.map(({address, bind}) => {
      const questions = obstacles.map((obstacle) =>
        questionOver(obstacle, assumption, {bind, address}, asker),
      )
      return predict(rules, questions, asker)
    })
    const fits = telling.every(
      ({observed}, index) => predictions[index]?.granted === (observed === 'granted'),
    )
    return fits ? [{...assumption, bugs: predictions.flatMap(({bugs}) => bugs)}] : []
  })
  const [example] = fitting
  if (example === undefined) return undefined
  const agreed = (ask: (assumption: Assumption) => boolean) => {
    const values = new Set(fitting.map(ask))
    return values.size === 1 ? values.has(true) : null
  }
  const bugs = new Map(example.bugs.map((bug) => [bug.id, bug]))
  return {
    reuseaddr: agreed(({bind}) => bindFlags(bind).reuseaddr),
    reuseport: agreed(({bind}) => bindFlags(bind).reuseport),
    foreign: agreed(({foreign}) => foreign || isForeign),
    example,
    bugs: [...bugs.values()].filter(({id}) =>
      fitting.every((each) => each.bugs.some((bug) => bug.id === id)),
    ),
  }
}

/** Whether a bind is granted over all obstacles, and by which bugs of this kernel. */
function predict(rules: Rules, questions: readonly BindQuestion[], {kernel}: Asker) {
  const refused = questions.filter((question) => rules.bind(question).outcome !== 'granted')
  const bugs = refused.flatMap((question) => bugBehind(rules, kernel, question, 'granted') ?? [])
  const granted = bugs.length === refused.length
  return {granted, bugs: granted ? bugs : []}
}
