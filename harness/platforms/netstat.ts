import {execFile} from 'node:child_process'
import {promisify} from 'node:util'
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

const outputLimitBytes = 64 * 1024 * 1024

/** The TCP sockets of this machine, from `netstat -anl -p tcp`: numeric, and IPv6 addresses whole. */
export async function readNetstat(): Promise<SocketEntry[]> {
  const {stdout} = await promisify(execFile)('/usr/sbin/netstat', ['-anl', '-p', 'tcp'], {
    maxBuffer: outputLimitBytes,
    env: {LC_ALL: 'C'},
  })
  return parseNetstat(stdout)
}

/**
 * Parses `netstat -an -p tcp` of macOS, with -l or without, whose rows are
 * `tcp4 0 0 127.0.0.1.8080 127.0.0.1.51234 TIME_WAIT` (network_cmds, netstat.tproj/inet.c: protopr).
 * Lines that are not of the format are passed over.
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
