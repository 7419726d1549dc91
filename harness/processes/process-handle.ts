import {createRequire} from 'node:module'
import {constants, endianness} from 'node:os'
import {systemError} from '../sockets/system-error.ts'
import {type ProcessIdentity, readProcess, signalProcess} from './process-table.ts'

/** arch/x86/entry/syscalls/syscall_64.tbl; alike on all architectures that Node is released for. */
const SYS_pidfd_send_signal = 424
const SYS_pidfd_open = 434
/** include/uapi/asm-generic/poll.h, and struct pollfd. */
const POLLIN = 1
const pollfdBytes = 8

interface Calls {
  syscall(number: number, ...typesAndValues: (string | number | null)[]): number
  poll(fds: Buffer, count: number, milliseconds: number): number
  close(fd: number): number
  errno(): number
}

let loaded: Calls | undefined

function calls(): Calls {
  loaded ??= declare()
  return loaded
}

function declare(): Calls {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
  const library = koffi.load(null)
  return {
    syscall: library.func('long syscall(long, ...)'),
    poll: library.func('int poll(void *, unsigned long, int)'),
    close: library.func('int close(int)'),
    errno: () => koffi.errno(),
  } as Calls
}

/** One process, whatever becomes of its pid. */
export interface ProcessHandle extends ProcessIdentity {
  /**
   * @returns false if it has ended
   * @throws SystemError EPERM if we may not
   */
  signal(signal: NodeJS.Signals): boolean
  isAlive(): boolean
  close(): void
}

/**
 * Takes hold of a process: by a pidfd (pidfd_open(2), Linux 5.3), which never means another one; elsewhere by its start
 * time, which is compared before each signal.
 * @returns undefined if it has ended
 */
export function openProcess(identity: ProcessIdentity): ProcessHandle | undefined {
  const fd = openPidfd(identity.pid)
  // What was opened may be a later process of the same pid.
  if (!isAlive(identity)) {
    if (fd !== undefined) calls().close(fd)
    return undefined
  }
  return {
    ...{pid: identity.pid, started: identity.started},
    isAlive: () => (fd === undefined ? isAlive(identity) : !hasEnded(fd)),
    signal: (signal) =>
      fd === undefined ? signalProcess(identity, signal) : signalPidfd(fd, signal),
    close: () => {
      if (fd !== undefined) calls().close(fd)
    },
  }
}

function isAlive({pid, started}: ProcessIdentity): boolean {
  const entry = readProcess(pid)
  return entry !== undefined && !entry.zombie && entry.started === started
}

function openPidfd(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const fd = calls().syscall(SYS_pidfd_open, 'int', pid, 'unsigned int', 0)
    return fd < 0 ? undefined : fd
  } catch {
    // Without an FFI.
    return undefined
  }
}

/** Unlike its state in /proc, which is that of its first thread, this tells that all threads are gone, and their sockets. */
function hasEnded(fd: number): boolean {
  const asked = Buffer.alloc(pollfdBytes)
  if (endianness() === 'LE') {
    asked.writeInt32LE(fd, 0)
    asked.writeInt16LE(POLLIN, 4)
  } else {
    asked.writeInt32BE(fd, 0)
    asked.writeInt16BE(POLLIN, 4)
  }
  return calls().poll(asked, 1, 0) > 0
}

function signalPidfd(fd: number, signal: NodeJS.Signals): boolean {
  const number = constants.signals[signal]
  const answer = calls().syscall(
    SYS_pidfd_send_signal,
    ...(['int', fd, 'int', number, 'void *', null, 'unsigned int', 0] as const),
  )
  if (answer === 0) return true
  const errno = calls().errno()
  if (errno === constants.errno.ESRCH) return false
  throw systemError('pidfd_send_signal', errno)
}
