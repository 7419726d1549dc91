import {runProgram} from './run-program.ts'
import type {SocketEntry} from './socket-table.ts'
import type {TcpState} from './tcp-states.ts'

/** The names of tcpstates[] in xnu's bsd/netinet/tcp_fsm.h, as macOS's netstat prints them. */
const states: Record<string, TcpState> = {
  CLOSED: 'CLOSED',
  LISTEN: 'LISTEN',
  SYN_SENT: 'SYN_SENT',
  SYN_RCVD: 'SYN_RECV',
  ESTABLISHED: 'ESTABLISHED',
  CLOSE_WAIT: 'CLOSE_WAIT',
  FIN_WAIT_1: 'FIN_WAIT1',
  CLOSING: 'CLOSING',
  LAST_ACK: 'LAST_ACK',
  FIN_WAIT_2: 'FIN_WAIT2',
  TIME_WAIT: 'TIME_WAIT',
}

/** The TCP sockets of this machine, from `netstat -anl -p tcp`: numeric, and IPv6 addresses whole. */
export async function readNetstat(): Promise<SocketEntry[]> {
  const {status, stdout, stderr} = await runProgram('/usr/sbin/netstat', ['-anl', '-p', 'tcp'], {
    LC_ALL: 'C',
  })
  if (status !== 0) {
    throw new Error(`netstat ended with status ${status}: ${stderr.trim().split('\n')[0]}`)
  }
  return parseNetstat(stdout)
}

/**
 * Parses `netstat -an -p tcp` of macOS, with -l or without, whose rows are
 * `tcp4 0 0 127.0.0.1.8080 127.0.0.1.51234 TIME_WAIT`. Source: network_cmds-741 (April 2026),
 * netstat.tproj/inet.c:protopr and inet6.c:inet6print. Without -l an IPv6 address is cut after 16
 * characters, with it after 39; the port is always whole. What -b and -v add stands behind the state. A
 * socket that is bound and neither listens nor is connected is listed as CLOSED. Lines that are not of the
 * format are passed over: headings, a state that is printed as a number, `Some tcp sockets may have been
 * created or deleted`.
 */
export function parseNetstat(text: string): SocketEntry[] {
  const entries: SocketEntry[] = []
  for (const line of text.split('\n')) {
    const [protocol, , , local, remote, stateName] = line.trim().split(/\s+/, 6)
    const state = Object.hasOwn(states, stateName ?? '') ? states[stateName ?? ''] : undefined
    const localEnd = parseEnd(protocol, local)
    const remoteEnd = parseEnd(protocol, remote)
    if (state === undefined || localEnd === undefined || remoteEnd === undefined) continue
    entries.push({state, local: localEnd, remote: remoteEnd, expiresInSeconds: null})
  }
  return entries
}

function parseEnd(
  protocol: string | undefined,
  text: string | undefined,
): SocketEntry['local'] | undefined {
  if (!/^tcp(4|6|46)$/.test(protocol ?? '')) return undefined
  const match = /^(.+)\.(\d{1,5}|\*)$/.exec(text ?? '')
  if (match === null) return undefined
  const [, address = '', port = ''] = match
  const wildcard = protocol === 'tcp4' ? '0.0.0.0' : '::'
  return {
    address: address === '*' ? wildcard : address,
    port: port === '*' ? 0 : Number(port),
  }
}
