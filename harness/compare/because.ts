import {newcomer, socketInTheWay} from '../platforms/bound-socket.ts'
import type {BindQuestion, BindRule, Platform} from '../platforms/platform.ts'

/** One side of a pair: its platform, what its rules are asked, and what they answer. */
export interface Asked {
  platform: Platform
  question: BindQuestion
  rule: BindRule
}

/** What the claims of the table below are about. */
export interface Situation {
  /** Of the new socket: none, one of the two options, or both. */
  options: readonly ('SO_REUSEADDR' | 'SO_REUSEPORT')[]
  /** Those of them that the old socket has, too. */
  shared: readonly ('SO_REUSEADDR' | 'SO_REUSEPORT')[]
  listening: boolean
  /** A connection that the old socket made itself, from a port that it had bound before. */
  boundOutgoing: boolean
  sameAddress: boolean
}

/**
 * What a platform does in a kind of situation, in words that stand beside another platform's. It is a
 * claim: `grants` is what it means, and it is said only where the platform's own rule, asked the same question,
 * comes to the same.
 */
interface Claim {
  id: string
  stack: Platform['stack']
  applies(situation: Situation): boolean
  grants(situation: Situation): boolean
  /** `asks` claims about the same options can be set against each other in half a sentence. */
  asks?: 'both' | 'newcomer'
  says?: string
}

const overConnection = ({listening, options}: Situation) => !listening && options.length > 0
/** gVisor keeps the reservation that bind() made, which an accepted connection never had. */
const overAccepted = (situation: Situation) => overConnection(situation) && !situation.boundOutgoing

export const claims: readonly Claim[] = [
  {
    id: 'linux/both-over-connection',
    stack: 'linux',
    applies: overConnection,
    grants: ({shared}) => shared.length > 0,
    asks: 'both',
  },
  {
    id: 'linux/beside-listener',
    stack: 'linux',
    applies: ({listening, options}) => listening && options.length > 0,
    grants: ({shared}) => shared.includes('SO_REUSEPORT'),
    says: 'lets nothing bind beside a listener unless both sockets have SO_REUSEPORT',
  },
  {
    id: 'gvisor/both-over-connection',
    stack: 'gvisor',
    applies: (situation) =>
      overConnection(situation) &&
      (situation.boundOutgoing || !situation.options.includes('SO_REUSEPORT')),
    grants: ({shared}) => shared.length > 0,
    asks: 'both',
  },
  {
    id: 'gvisor/newcomer-over-connection',
    stack: 'gvisor',
    applies: (situation) => overAccepted(situation) && !situation.options.includes('SO_REUSEADDR'),
    grants: ({options}) => options.includes('SO_REUSEPORT'),
    asks: 'newcomer',
  },
  {
    id: 'gvisor/either-over-connection',
    stack: 'gvisor',
    applies: (situation) => overAccepted(situation) && situation.options.length > 1,
    grants: () => true,
    says: 'is content with SO_REUSEPORT on the new socket',
  },
  {
    id: 'gvisor/beside-listener',
    stack: 'gvisor',
    applies: ({listening, sameAddress, options}) => listening && !sameAddress && options.length > 0,
    grants: ({shared}) => shared.length > 0,
    says: 'lets sockets that share an option bind beside a listener on another address',
  },
  {
    id: 'darwin/newcomer-over-connection',
    stack: 'darwin',
    applies: overConnection,
    grants: () => true,
    asks: 'newcomer',
  },
  {
    id: 'darwin/beside-listener',
    stack: 'darwin',
    applies: ({listening, sameAddress, options}) => listening && !sameAddress && options.length > 0,
    grants: () => true,
    says: 'lets a new socket with an option bind beside a listener on another address',
  },
]

const whom = {both: 'both sockets', newcomer: 'only the new socket'}
/** The second half of a sentence that has said of what. */
const whomInstead = {both: 'both', newcomer: 'only the new one'}

/** The situation of a question; undefined where nothing is in the way. */
export function situationOf(question: BindQuestion): Situation | undefined {
  const old = socketInTheWay(question)
  if (old === undefined) return undefined
  const socket = newcomer(question.successor)
  const options = [
    ...(socket.reuseaddr ? (['SO_REUSEADDR'] as const) : []),
    ...(socket.reuseport ? (['SO_REUSEPORT'] as const) : []),
  ]
  return {
    options,
    shared: options.filter((option) => (option === 'SO_REUSEADDR' ? old.reuseaddr : old.reuseport)),
    listening: old.listening,
    boundOutgoing: question.outgoing === true && question.predecessor.bind !== 'autobind',
    sameAddress: socket.address === old.address,
  }
}

interface Found {
  claim: Claim
  situation: Situation
}

/** The claim that holds for a side: it applies, and the platform's rule bears it out. */
function claimFor({platform, question, rule}: Asked): Found | undefined {
  const situation = situationOf(question)
  // Two addresses that do not overlap do not depend on options.
  if (situation === undefined || rule.id === 'no-overlap') return undefined
  const claim = claims.find(
    ({stack, applies, grants}) =>
      stack === platform.stack &&
      applies(situation) &&
      grants(situation) === (rule.outcome === 'granted'),
  )
  return claim === undefined ? undefined : {claim, situation}
}

/** Why two sides differ, in words, and by what it stands on: what has the same `key` is the same reason. */
export interface Reason {
  key: string
  text: string
}

/** @param ids of rules, claims and whatever else the words are made of */
export function reason(ids: readonly unknown[], text: string): Reason {
  return {key: JSON.stringify(ids), text}
}

/** Each reason once. */
export function distinctReasons(reasons: readonly Reason[]): Reason[] {
  return [...new Map(reasons.map((each) => [each.key, each])).values()]
}

/**
 * Why two platforms answer differently, in one sentence without its full stop, e.g.
 * `Linux asks both sockets for SO_REUSEADDR; macOS only the new one`. Where the table has nothing for
 * the pair, it is the two rules' own reasons.
 */
export function becauseOf(a: Asked, b: Asked): Reason {
  const found = [claimFor(a), claimFor(b)] as const
  const ids = [a, b].map(({platform, rule}, index) => [
    platform.stack,
    ...idsOf(rule, found[index]),
  ])
  return reason(ids, sentenceOf([a, b], found))
}

/** A claim about who is asked is one for each set of options that are asked for. */
function idsOf(rule: BindRule, found: Found | undefined): unknown[] {
  if (found === undefined) return [rule.id]
  const {claim, situation} = found
  return [claim.id, ...(claim.asks === undefined ? [] : [situation.options])]
}

function sentenceOf(
  [a, b]: readonly [Asked, Asked],
  [ofA, ofB]: readonly [Found | undefined, Found | undefined],
): string {
  const asks = [ofA?.claim.asks, ofB?.claim.asks]
  if (ofA !== undefined && asks[0] !== undefined && asks[1] !== undefined && asks[0] !== asks[1]) {
    const options = ofA.situation.options.join(' or ')
    return `${a.platform.title} asks ${whom[asks[0]]} for ${options}; ${b.platform.title} ${whomInstead[asks[1]]}`
  }
  return [saying(a, ofA), saying(b, ofB)].join('; ')
}

function saying({platform, rule}: Asked, found: Found | undefined): string {
  if (found === undefined) return ownReason(platform, rule)
  const {claim, situation} = found
  if (claim.says !== undefined) return `${platform.title} ${claim.says}`
  return `${platform.title} asks ${whom[claim.asks ?? 'both']} for ${situation.options.join(' or ')}`
}

/** `on macOS it is granted, as the two addresses do not overlap`. */
export function ownReason(
  {title}: Pick<Platform, 'title'>,
  {outcome, because}: Pick<BindRule, 'outcome' | 'because'>,
): string {
  const what = outcome === 'granted' ? 'granted' : 'refused'
  return `on ${title} it is ${what}, as ${oneReason(because)}`
}

/** Semicolons part the sides of a comparison. */
export function oneReason(because: string): string {
  return because.replaceAll('; ', ' and ')
}

/** With a capital letter, where that is not the name of a system: gVisor's is small. */
export function asSentence(text: string): string {
  return text.replace(/^(on|the) /, (word) => word.charAt(0).toUpperCase() + word.slice(1))
}
