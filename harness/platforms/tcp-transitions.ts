import type {TcpState} from './tcp-states.ts'

/** A way from one state to another. */
interface Transition {
  from: TcpState
  to: TcpState
  /** What leads along it, in few words. */
  on: readonly [string, string?]
}

/**
 * RFC 9293 figure 5, with its note 2: FIN_WAIT1 leads to TIME_WAIT at once if the FIN that arrives also acknowledges
 * ours. What the figure leaves out, as RST and a timer of the kernel, ends in CLOSED from any state.
 */
export const transitions: readonly Transition[] = [
  {from: 'CLOSED', to: 'LISTEN', on: ['listen']},
  {from: 'CLOSED', to: 'SYN_SENT', on: ['connect', 'send SYN']},
  {from: 'LISTEN', to: 'SYN_RECV', on: ['get SYN', 'send SYN, ACK']},
  {from: 'LISTEN', to: 'SYN_SENT', on: ['send SYN']},
  {from: 'SYN_SENT', to: 'SYN_RECV', on: ['get SYN, send SYN, ACK']},
  {from: 'SYN_SENT', to: 'ESTABLISHED', on: ['get SYN, ACK', 'send ACK']},
  {from: 'SYN_RECV', to: 'ESTABLISHED', on: ['get ACK']},
  {from: 'SYN_RECV', to: 'FIN_WAIT1', on: ['close', 'send FIN']},
  {from: 'ESTABLISHED', to: 'FIN_WAIT1', on: ['close', 'send FIN']},
  {from: 'ESTABLISHED', to: 'CLOSE_WAIT', on: ['get FIN', 'send ACK']},
  {from: 'FIN_WAIT1', to: 'FIN_WAIT2', on: ['get ACK']},
  {from: 'FIN_WAIT1', to: 'CLOSING', on: ['get FIN', 'send ACK']},
  {from: 'FIN_WAIT1', to: 'TIME_WAIT', on: ['get FIN, ACK', 'send ACK']},
  {from: 'FIN_WAIT2', to: 'TIME_WAIT', on: ['get FIN', 'send ACK']},
  {from: 'CLOSING', to: 'TIME_WAIT', on: ['get ACK']},
  {from: 'CLOSE_WAIT', to: 'LAST_ACK', on: ['close', 'send FIN']},
  {from: 'LAST_ACK', to: 'CLOSED', on: ['get ACK']},
  {from: 'TIME_WAIT', to: 'CLOSED', on: ['after 2 MSL']},
]

export function isTransition(from: TcpState, to: TcpState): boolean {
  return transitions.some((each) => each.from === from && each.to === to)
}

/**
 * The states through which every way from one state to another leads, in their order; null if there is no way. A
 * connection that was CLOSED is another one afterwards, so no way leads through it.
 */
export function statesBetween(from: TcpState, to: TcpState): TcpState[] | null {
  const reached = reachable(from, to)
  if (!reached.includes(to)) return null
  return reached.filter(
    (state) => state !== from && state !== to && !reachable(from, to, state).includes(to),
  )
}

/** In the order of their distance. */
function reachable(from: TcpState, to: TcpState, without?: TcpState): TcpState[] {
  const reached: TcpState[] = [from]
  for (const state of reached) {
    if (state === to) continue
    for (const next of transitions) {
      const isOpen = next.to !== without && (next.to !== 'CLOSED' || to === 'CLOSED')
      if (next.from === state && isOpen && !reached.includes(next.to)) reached.push(next.to)
    }
  }
  return reached
}
