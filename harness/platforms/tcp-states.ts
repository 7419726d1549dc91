/** The TCP states as RFC 9293 and the tools write them. */
export const tcpStates = [
  'LISTEN',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'CLOSE_WAIT',
  'CLOSING',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSED',
] as const

export type TcpState = (typeof tcpStates)[number]

/** States that a timer of the kernel ends, so that their time can be measured. */
export const timedResidues = ['TIME_WAIT', 'FIN_WAIT2'] as const

export type TimedResidue = (typeof timedResidues)[number]

/** Whether a socket in this state lives on without a process: it is gone only when the kernel lets it. */
export function isKernelHeld(state: TcpState): boolean {
  return (
    state === 'TIME_WAIT' || state === 'FIN_WAIT2' || state === 'CLOSING' || state === 'LAST_ACK'
  )
}
