import {AsyncLocalStorage} from 'node:async_hooks'
import {closeSync, openSync} from 'node:fs'
import {libc} from './libc.ts'
import {systemError} from './system-error.ts'

/** include/uapi/linux/sched.h. */
const CLONE_NEWNET = 0x40000000
/** The main thread's, which creates all sockets of a process. */
const currentNamespace = '/proc/self/ns/net'

/** A network namespace that this process keeps open and can create sockets in. */
export interface NetworkNamespace {
  /** Another process finds it as /proc/PID/fd/FD. */
  fd: number
  isOpen: boolean
  close(): void
}

/** The namespace that this process started in. */
let home: number | undefined
const chosen = new AsyncLocalStorage<NetworkNamespace>()

/**
 * Creates a network namespace, in which nothing is configured yet. Linux only.
 * @throws SystemError of `unshare` (EPERM without CAP_SYS_ADMIN), NativeOpenerUnavailable where there is no FFI
 */
export function makeNetworkNamespace(): NetworkNamespace {
  const c = libc()
  home ??= openSync(currentNamespace, 'r')
  if (c.unshare(CLONE_NEWNET) < 0) throw systemError('unshare', c.errno())
  return thenHome(() => kept(openSync(currentNamespace, 'r')))
}

/** Opens one that another process keeps. @throws SystemError of `open`, e.g. EACCES if that process has more rights */
export function openNetworkNamespace(pid: number, fd: number): NetworkNamespace {
  home ??= openSync(currentNamespace, 'r')
  return kept(openSync(`/proc/${pid}/fd/${fd}`, 'r'))
}

function kept(fd: number): NetworkNamespace {
  const namespace: NetworkNamespace = {
    fd,
    isOpen: true,
    close() {
      if (namespace.isOpen) closeSync(fd)
      namespace.isOpen = false
    },
  }
  return namespace
}

/**
 * Sockets that `act`, and everything it starts, creates belong to this namespace. The code that creates a socket has
 * to use `inNamespace` or `onNextTickInNamespace`.
 */
export function withNamespace<Result>(namespace: NetworkNamespace, act: () => Result): Result {
  return chosen.run(namespace, act)
}

/** For code that creates a socket, or opens a file of /proc that shows the namespace, before it returns. */
export function inNamespace<Result>(act: () => Result): Result {
  const namespace = chosen.getStore()
  if (namespace === undefined) return act()
  enter(namespace)
  return thenHome(act)
}

/**
 * For Node's listen() and connect(), which create the socket on the next tick (lib/net.js: lookupAndListen and
 * lookupAndConnect, for an IP address). Ticks run in the order in which they were queued, with nothing between them,
 * so one before and one after Node's own are enough. If a Node version did that differently, the socket would belong
 * to the namespace that the process started in; nothing is reachable there, and the scenario fails.
 */
export function onNextTickInNamespace<Result>(act: () => Result): Result {
  const namespace = chosen.getStore()
  if (namespace === undefined) return act()
  process.nextTick(enter, namespace)
  try {
    return act()
  } finally {
    process.nextTick(goHome)
  }
}

function thenHome<Result>(act: () => Result): Result {
  try {
    return act()
  } finally {
    goHome()
  }
}

/** Code that runs after its namespace was closed reaches nothing. */
function enter({fd, isOpen}: NetworkNamespace): void {
  setNamespace(isOpen ? fd : home)
}

function goHome(): void {
  setNamespace(home)
}

function setNamespace(fd = -1): void {
  const c = libc()
  if (c.setns(fd, CLONE_NEWNET) < 0) throw systemError('setns', c.errno())
}
