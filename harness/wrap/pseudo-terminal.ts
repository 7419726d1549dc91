import {closeSync, constants, openSync} from 'node:fs'
import {endianness} from 'node:os'
import {isatty} from 'node:tty'
import {libc, terminalCalls} from '../sockets/libc.ts'
import {systemError} from '../sockets/system-error.ts'

/** A terminal that a program writes to, and whoever reads the other end. */
export interface PseudoTerminal {
  /** What the program writes is read here; nothing is typed. */
  reading: number
  /** For the program. */
  writing: number
  resize(size: TerminalSize): void
}

export interface TerminalSize {
  columns: number
  rows: number
}

const isDarwin = process.platform === 'darwin'
const isLittle = endianness() === 'LE'
const TCSANOW = 0
/** All processing of output, and a line feed that becomes a carriage return and a line feed. */
const [OPOST, ONLCR] = [1, isDarwin ? 2 : 4]
/** struct termios: four flags, of 4 bytes on Linux and 8 on macOS; the second are those of output. Then more. */
const flagBytes = isDarwin ? 8 : 4
const termiosBytes = 128
/** include/uapi/asm-generic/ioctls.h; xnu bsd/sys/ttycom.h. */
const TIOCSWINSZ = isDarwin ? 0x80087467 : 0x5414

/**
 * A pseudo-terminal that passes on what is written to it, byte by byte: the real terminal behind it makes of a line feed
 * what it makes of those (ONLCR).
 * @throws NativeOpenerUnavailable without an FFI; SystemError if there is none
 */
export function openPseudoTerminal(size: TerminalSize): PseudoTerminal {
  const {posix_openpt, grantpt, unlockpt, ptsname} = terminalCalls()
  const c = libc()
  const failed = (call: string) => systemError(call, c.errno())
  const flags = constants.O_RDWR | constants.O_NOCTTY
  const reading = posix_openpt(flags)
  if (reading < 0) throw failed('posix_openpt')
  try {
    if (grantpt(reading) < 0) throw failed('grantpt')
    if (unlockpt(reading) < 0) throw failed('unlockpt')
    // Else whatever is started keeps it open, and nobody sees the end.
    if (c.fcntl(reading, c.constants.F_SETFD, 'int', c.constants.FD_CLOEXEC) < 0)
      throw failed('fcntl')
    const name = ptsname(reading)
    if (name === null) throw failed('ptsname')
    const writing = openSync(name, flags)
    leaveBytesAlone(writing)
    const resize = ({columns, rows}: TerminalSize) => {
      const numbers = Uint16Array.of(rows, columns, 0, 0)
      c.ioctl(reading, TIOCSWINSZ, 'void *', Buffer.from(numbers.buffer))
    }
    resize(size)
    return {reading, writing, resize}
  } catch (error) {
    c.close(reading)
    throw error
  }
}

function leaveBytesAlone(fd: number): void {
  const {tcgetattr, tcsetattr} = terminalCalls()
  const settings = Buffer.alloc(termiosBytes)
  if (tcgetattr(fd, settings) < 0) throw systemError('tcgetattr', libc().errno())
  const lowest = flagBytes + (isLittle ? 0 : flagBytes - 1)
  settings[lowest] = (settings[lowest] ?? 0) & ~(OPOST | ONLCR)
  if (tcsetattr(fd, TCSANOW, settings) < 0) throw systemError('tcsetattr', libc().errno())
}

/**
 * Whether the keys of this process's terminal (Ctrl-C) reach this process, and with it what it has started. If all of its
 * streams lead elsewhere, it may be a shell's job in front of the terminal, then first of its group, or belong to another
 * program, which ends it by a signal.
 */
export function getsKeysOfTerminal(): boolean {
  try {
    if ([0, 1, 2].some(isInFront)) return true
    return terminalCalls().getpgrp() === process.pid && isInFrontOfOwnTerminal()
  } catch {
    return isatty(0)
  }
}

/** Whether a terminal sends its keys to this process. @throws NativeOpenerUnavailable without an FFI */
export function isInFront(fd: number): boolean {
  const {getpgrp, tcgetpgrp} = terminalCalls()
  return tcgetpgrp(fd) === getpgrp()
}

function isInFrontOfOwnTerminal(): boolean {
  let fd: number
  try {
    fd = openSync('/dev/tty', 'r')
  } catch {
    // It has none.
    return false
  }
  try {
    return isInFront(fd)
  } finally {
    closeSync(fd)
  }
}

/** A pipe, of which both ends are closed in whatever is started. */
export function openPipe(): {reading: number; writing: number} {
  const c = libc()
  const fds = Buffer.from(Int32Array.of(-1, -1).buffer)
  if (terminalCalls().pipe(fds) < 0) throw systemError('pipe', c.errno())
  const [reading = -1, writing = -1] = new Int32Array(fds.buffer, fds.byteOffset, 2)
  for (const fd of [reading, writing])
    c.fcntl(fd, c.constants.F_SETFD, 'int', c.constants.FD_CLOEXEC)
  return {reading, writing}
}
