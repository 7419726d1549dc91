import type {End, Segment} from './tcp-exchange.ts'
import type {TcpFlag} from './tcp-packet.ts'

/** What a scenario can say of its packets. */
interface Claim {
  says: string
  /** By all segments of the port; undefined where nothing speaks for or against it. */
  holds(segments: readonly Segment[]): boolean | undefined
}

/** What is said of the first connection, whatever came later. */
function ofFirst(holds: Claim['holds']): Claim['holds'] {
  return (segments) =>
    holds(segments.filter(({connection, life}) => connection === 1 && life === 1))
}

function sent(segment: Segment, from: End, flag: TcpFlag): boolean {
  return segment.from === from && segment.flags.has(flag)
}

function finFirst(from: End): Claim {
  return {
    says: `the ${from} sends FIN before the ${from === 'server' ? 'client' : 'server'} sends FIN or RST`,
    holds: ofFirst((segments) => {
      const ending = segments.find(({flags}) => flags.has('FIN') || flags.has('RST'))
      return ending === undefined ? undefined : sent(ending, from, 'FIN')
    }),
  }
}

function resetWithoutFin(from: End): Claim {
  return {
    says: `the ${from} sends RST, and no FIN`,
    holds: ofFirst((segments) => {
      if (segments.some((each) => sent(each, from, 'FIN'))) return false
      return segments.some((each) => sent(each, from, 'RST')) || undefined
    }),
  }
}

/** By ids that scenarios and documents name; never rename one. */
export const wireClaims = {
  'server-fin-first': finFirst('server'),
  'client-fin-first': finFirst('client'),
  'server-rst-no-fin': resetWithoutFin('server'),
  'client-rst-no-fin': resetWithoutFin('client'),
  'client-no-fin': {
    says: 'the client sends no FIN',
    holds: ofFirst((segments) => !segments.some((each) => sent(each, 'client', 'FIN'))),
  },
  'fins-cross': {
    says: 'both ends send FIN before they have received the other one',
    holds: ofFirst((segments) => {
      const [one, other] = (['server', 'client'] as const).map((from) =>
        segments.find((each) => sent(each, from, 'FIN')),
      )
      if (one === undefined || other === undefined) return undefined
      return !acknowledges(one, other) && !acknowledges(other, one)
    }),
  },
  'client-fin-again': {
    says: 'the client sends its FIN more than once',
    holds: ofFirst(
      (segments) =>
        segments.some((each) => sent(each, 'client', 'FIN') && each.sentAgain) || undefined,
    ),
  },
  'late-fin-met-rst': {
    says: 'the FIN that the client sends again is answered by RST',
    holds: ofFirst((segments) => {
      const late = segments.findLastIndex((each) => sent(each, 'client', 'FIN') && each.sentAgain)
      if (late < 0) return undefined
      return segments.slice(late).some((each) => sent(each, 'server', 'RST')) || undefined
    }),
  },
  'no-rst': {
    says: 'nobody sends RST',
    holds: ofFirst((segments) => !segments.some(({flags}) => flags.has('RST'))),
  },
  'late-syn-met-ack-met-rst': {
    says: 'a SYN from the old port is answered by ACK, and that by RST',
    holds(segments) {
      const own = segments.filter(({connection, life}) => connection === 1 && life > 1)
      if (own.length === 0) return undefined
      const [answer, next] = own.filter(({flags, from}) => from === 'server' || !flags.has('SYN'))
      if (answer === undefined || next === undefined) return undefined
      const isAck = sent(answer, 'server', 'ACK') && answer.flags.size === 1
      return isAck && sent(next, 'client', 'RST')
    },
  },
} as const satisfies Record<string, Claim>

/** Whether an end had the other's FIN when it sent this. */
function acknowledges({acknowledges}: Segment, {sequence, bytes}: Segment): boolean {
  return ((acknowledges - sequence - bytes) | 0) > 0
}

export type WireClaimId = keyof typeof wireClaims
export const wireClaimIds = Object.keys(wireClaims) as [WireClaimId, ...WireClaimId[]]
