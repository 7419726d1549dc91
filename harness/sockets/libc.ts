import {createRequire} from 'node:module'
import {type SocketConstants, socketConstants} from './constants.ts'

type Koffi = typeof import('koffi')

/** The C library's socket calls. Each returns what the C function returns; `errno` tells why it failed. */
export interface Libc {
  constants: SocketConstants
  errno(): number
  socket(domain: number, type: number, protocol: number): number
  setsockopt(fd: number, level: number, option: number, value: Buffer, length: number): number
  getsockopt(fd: number, level: number, option: number, value: Buffer, length: Buffer): number
  bind(fd: number, address: Buffer, length: number): number
  listen(fd: number, backlog: number): number
  connect(fd: number, address: Buffer, length: number): number
  accept(fd: number, address: Buffer, length: Buffer): number
  getsockname(fd: number, address: Buffer, length: Buffer): number
  /** A number of bytes; they are pointer-sized in C, and small here. */
  send(fd: number, bytes: Buffer, length: number, flags: number): number
  recv(fd: number, bytes: Buffer, length: number, flags: number): number
  shutdown(fd: number, how: number): number
  fcntl(fd: number, command: number, type: 'int', argument: number): number
  ioctl(fd: number, request: number, type: 'void *', argument: Buffer): number
  close(fd: number): number
  /** Linux only, as setns(2) is. */
  unshare(flags: number): number
  setns(fd: number, kind: number): number
  clock_gettime(clock: number, answer: Buffer): number
  mmap(at: null, length: number, rights: number, kind: number, fd: number, from: number): bigint
  munmap(at: bigint, length: number): number
  /** The memory at an address, which is gone with it: whoever unmaps it must not look any more. */
  view(at: bigint, length: number): ArrayBuffer
}

/** Why sockets cannot be opened through libc on this machine. */
class NativeOpenerUnavailable extends Error {
  override name = 'NativeOpenerUnavailable'
}

let loaded: Libc | NativeOpenerUnavailable | undefined

/**
 * The C library of this process, loaded through koffi at the first call.
 * @throws NativeOpenerUnavailable where koffi has no binary or the OS's constants are not known.
 */
export function libc(): Libc {
  loaded ??= load()
  if (loaded instanceof NativeOpenerUnavailable) throw loaded
  return loaded
}

/** Undefined if the native opener works here, else the reason why it does not. */
export function nativeOpenerProblem(): string | undefined {
  try {
    libc()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** The calls that pass descriptors on; what they take is struct msghdr of recvmsg(2). */
export interface PassingCalls {
  sendmsg(fd: number, message: object): number
  recvmsg(fd: number, message: object): number
  /** How many bytes the length of a control message has: it is a size_t on Linux, and a socklen_t on macOS. */
  lengthBytes: 4 | 8
}

let passing: PassingCalls | undefined

/** Declared only where they are used. @throws NativeOpenerUnavailable as {@link libc} */
export function passingCalls(): PassingCalls {
  libc()
  passing ??= declarePassing()
  return passing
}

function declarePassing(): PassingCalls {
  const koffi = loadKoffi()
  // Linux has size_t where POSIX has int and socklen_t.
  const isLinux = process.platform === 'linux'
  koffi.struct('rebind_iovec', {base: 'void *', len: 'size_t'})
  koffi.struct('rebind_msghdr', {
    ...{name: 'void *', namelen: 'uint32_t'},
    ...{iov: 'rebind_iovec *', iovlen: isLinux ? 'size_t' : 'int'},
    ...{control: 'void *', controllen: isLinux ? 'size_t' : 'uint32_t', flags: 'int'},
  })
  const library = koffi.load(null)
  const sendmsg = library.func('intptr_t sendmsg(int, const rebind_msghdr *, int)')
  const recvmsg = library.func('intptr_t recvmsg(int, _Inout_ rebind_msghdr *, int)')
  return {
    sendmsg: (fd, message) => sendmsg(fd, message, 0) as number,
    recvmsg: (fd, message) => recvmsg(fd, message, 0) as number,
    lengthBytes: isLinux && koffi.sizeof('size_t') === 8 ? 8 : 4,
  }
}

/** The calls that make a pseudo-terminal, and those that say whom a terminal's keys reach. */
export interface TerminalCalls {
  posix_openpt(flags: number): number
  grantpt(fd: number): number
  unlockpt(fd: number): number
  ptsname(fd: number): string | null
  tcgetattr(fd: number, settings: Buffer): number
  tcsetattr(fd: number, when: number, settings: Buffer): number
  tcgetpgrp(fd: number): number
  getpgrp(): number
  pipe(fds: Buffer): number
}

let terminal: TerminalCalls | undefined

/** Declared only where they are used. @throws NativeOpenerUnavailable as {@link libc} */
export function terminalCalls(): TerminalCalls {
  libc()
  terminal ??= declareTerminal()
  return terminal
}

function declareTerminal(): TerminalCalls {
  const library = loadKoffi().load(null)
  return {
    posix_openpt: library.func('int posix_openpt(int)'),
    grantpt: library.func('int grantpt(int)'),
    unlockpt: library.func('int unlockpt(int)'),
    ptsname: library.func('const char *ptsname(int)'),
    tcgetattr: library.func('int tcgetattr(int, void *)'),
    tcsetattr: library.func('int tcsetattr(int, int, const void *)'),
    tcgetpgrp: library.func('int tcgetpgrp(int)'),
    getpgrp: library.func('int getpgrp()'),
    pipe: library.func('int pipe(void *)'),
  } as TerminalCalls
}

function loadKoffi(): Koffi {
  return createRequire(import.meta.url)('koffi') as Koffi
}

function load(): Libc | NativeOpenerUnavailable {
  const constants = socketConstants(process.platform, process.arch)
  if (constants === undefined) {
    return new NativeOpenerUnavailable(
      `the native opener knows the socket constants of Linux and macOS, not of ${process.platform} on ${process.arch}`,
    )
  }
  try {
    const koffi = loadKoffi()
    const library = koffi.load(null)
    return {
      constants,
      errno: () => koffi.errno(),
      socket: library.func('int socket(int, int, int)'),
      setsockopt: library.func('int setsockopt(int, int, int, const void *, uint32_t)'),
      getsockopt: library.func('int getsockopt(int, int, int, void *, void *)'),
      bind: library.func('int bind(int, const void *, uint32_t)'),
      listen: library.func('int listen(int, int)'),
      connect: library.func('int connect(int, const void *, uint32_t)'),
      accept: library.func('int accept(int, void *, void *)'),
      getsockname: library.func('int getsockname(int, void *, void *)'),
      send: library.func('intptr_t send(int, const void *, size_t, int)'),
      recv: library.func('intptr_t recv(int, void *, size_t, int)'),
      shutdown: library.func('int shutdown(int, int)'),
      // Variadic in C; on Apple's arm64 variadic arguments travel on the stack, so it must be declared.
      fcntl: library.func('int fcntl(int, int, ...)'),
      ioctl: library.func('int ioctl(int, unsigned long, ...)'),
      close: library.func('int close(int)'),
      ...(process.platform === 'linux'
        ? {
            unshare: library.func('int unshare(int)'),
            setns: library.func('int setns(int, int)'),
            clock_gettime: library.func('int clock_gettime(int, void *)'),
            mmap: library.func('void *mmap(void *, size_t, int, int, int, intptr_t)'),
            munmap: library.func('int munmap(void *, size_t)'),
            view: koffi.view,
          }
        : {}),
    } as Libc
  } catch (error) {
    const [reason] = (error as Error).message.split('\n')
    return new NativeOpenerUnavailable(`koffi (FFI) cannot be loaded here: ${reason}`)
  }
}
