import type {Stack} from './platform.ts'
import {isKernelHeld, type TcpState} from './tcp-states.ts'

/** A socket that somebody wants to see, on the server's port or connected to it. */
export interface Sought {
  port: number
  endpoint: 'server' | 'client'
  state: TcpState
}

/** A line for a shell, with which a person sees the sockets on a port without Rebind. */
export interface ByHand {
  line(sought: Sought): string
  /** What its answer says, and what it leaves out. */
  says: string
  /** Why it cannot show a socket in this state; undefined where it shows it. */
  cannot(state: TcpState): string | undefined
}

const showsAll = () => undefined

/** lsof goes through the processes, and these sockets belong to none. */
const noOwner = (state: TcpState) =>
  isKernelHeld(state)
    ? 'does not show it: a socket that its process has closed belongs to no process'
    : undefined

const lsof: ByHand = {
  line: ({port}) => `lsof -nP -iTCP:${port}`,
  says: 'which process has it; without root only your own processes',
  cannot: noOwner,
}

const procNetTcp: ByHand = {
  line: ({port}) => `grep -i ':${hexadecimal(port)} ' /proc/net/tcp /proc/net/tcp6`,
  says: `needs no program; the fourth column is the state (01 ESTABLISHED, 04 FIN_WAIT1, 05 FIN_WAIT2, 06 TIME_WAIT, 08 CLOSE_WAIT, 09 LAST_ACK, 0A LISTEN, 0B CLOSING), ports are hexadecimal`,
  cannot: showsAll,
}

/** `FIN_WAIT2` is `fin-wait-2` to ss(8). */
function ssState(state: TcpState): string {
  if (state === 'LISTEN') return 'listening'
  return state
    .toLowerCase()
    .replace('_wait', '-wait')
    .replaceAll('_', '-')
    .replace(/wait(?=\d)/, 'wait-')
}

function hexadecimal(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0')
}

/** For each operating system, the ways that come with it or are common there, the most telling first. */
export const byHand: Readonly<Record<Stack, readonly ByHand[]>> = {
  linux: [
    {
      line: ({port, endpoint, state}) =>
        `ss -tano state ${ssState(state)} '${endpoint === 'server' ? 'sport' : 'dport'} = :${port}'`,
      says: "the kernel's timer, in whole seconds; it needs -p and root to name a process",
      cannot: showsAll,
    },
    {
      line: ({port}) => `netstat -tan | grep ':${port} '`,
      says: 'the state in the last column, of either end; not how long it lasts (with -o it does). From the package net-tools',
      cannot: showsAll,
    },
    procNetTcp,
    lsof,
  ],
  gvisor: [
    {
      ...procNetTcp,
      cannot: (state) =>
        state === 'TIME_WAIT' || state === 'FIN_WAIT2'
          ? `does not show it: gVisor leaves TIME_WAIT, and FIN_WAIT2 without a process, out of its table, and ss and netstat read the same table`
          : undefined,
    },
  ],
  darwin: [
    {
      line: ({port}) => `netstat -an -p tcp | grep '\\.${port} '`,
      says: 'the state in the last column, FIN_WAIT_1 and FIN_WAIT_2 with one more underscore; not how long it lasts. macOS has no ss',
      cannot: showsAll,
    },
    lsof,
  ],
  windows: [
    {
      line: ({port}) => `netstat -ano | findstr ":${port} "`,
      says: 'the state, FIN_WAIT_1 and FIN_WAIT_2 with one more underscore, and the pid; 0 if no process has it. From its documentation, not tried',
      cannot: showsAll,
    },
  ],
  unknown: [
    {
      line: ({port}) => `netstat -an | grep ${port}`,
      says: 'the state in the last column',
      cannot: showsAll,
    },
  ],
}

/** How a line is run in a network namespace that other processes are in. */
export const inNamespace = 'sudo nsenter --net --target PID'

/** What shows such a process: root's, too, which only root sees. */
export const namespacesWithPid = 'sudo lsns --type net'
