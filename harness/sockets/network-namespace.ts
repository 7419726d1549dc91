import {AsyncLocalStorage} from 'node:async_hooks'
import {closeSync, openSync} from 'node:fs'
import {libc} from './libc.ts'
import {systemError} from './system-error.ts'

/** include/uapi/linux/sched.h. */
const CLONE_NEWNET = 0x40000000
/** That of the main thread, which makes all sockets of a process. */
const currentNamespace = '/proc/self/ns/net'

/** A network namespace that this process keeps, and in which it can make sockets. */
export interface NetworkNamespace {
  /** By which another process finds it, in /proc/PID/fd. */
  fd: number
  isOpen: boolean
  close(): void
}

/** Where this process was when it made or opened the first one. */
let home: number | undefined
const chosen = new AsyncLocalStorage<NetworkNamespace>()

/**
 * Makes a network namespace, in which nothing is configured yet. Linux only.
 * @throws SystemError of `unshare` (EPERM without CAP_SYS_ADMIN), NativeOpenerUnavailable where there is no FFI
 */
export function makeNetworkNamespace(): NetworkNamespace {
  const c = libc()
  home ??= openSync(currentNamespace, 'r')
  if (c.unshare(CLONE_NEWNET) < 0) throw systemError('unshare', c.errno())
  return thenHome(() => kept(openSync(currentNamespace, 'r')))
}

/** One that another process keeps. @throws SystemError of `open`, e.g. EACCES from who has more rights than we */
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
 * Whatever `act` does, and all that follows from it, makes its sockets in this namespace; where they are made asks
 * for it, by `inNamespace` or `onNextTickInNamespace`.
 */
export function withNamespace<Result>(namespace: NetworkNamespace, act: () => Result): Result {
  return chosen.run(namespace, act)
}

/** Calls that make a socket, or look at what is seen from inside only, and have done so when they return. */
export function inNamespace<Result>(act: () => Result): Result {
  const namespace = chosen.getStore()
  if (namespace === undefined) return act()
  enter(namespace)
  return thenHome(act)
}

/**
 * For Node's listen() and connect(), which make the socket on the next tick (lib/net.js: lookupAndListen and
 * lookupAndConnect, for an IP address). Ticks run in the order in which they were asked for with nothing between
 * them, so one before and one after Node's own are enough. If a Node did otherwise, the socket would be made where
 * the process was at first; nothing can be reached there, and the scenario fails.
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

/** Whoever is late, and comes when its namespace is closed, finds nothing. */
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
