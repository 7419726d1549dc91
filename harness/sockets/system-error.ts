import {getSystemErrorMap} from 'node:util'

/** An error of the operating system with the fields that Node's own system errors carry. */
export interface SystemError extends Error {
  code: string
  /** The OS's number, negated, as Node has it. */
  errno: number
  syscall: string
  address?: string
  port?: number
}

/** Node makes the whole map again at every call, which takes longer than a bind that is refused. */
const errorsByNumber = getSystemErrorMap()

/**
 * Shapes a failed system call as Node shapes its own, e.g.
 * `bind EADDRINUSE: address already in use 127.0.0.1:3000`.
 * `errno` is the positive number that the call left behind.
 */
export function systemError(
  syscall: string,
  errno: number,
  where: {address?: string; port?: number} = {},
): SystemError {
  // Looked up by number, because EADDRINUSE is 98 on Linux and 48 on macOS.
  const [code, text] = errorsByNumber.get(-errno) ?? unknownError(errno)
  const {address, port} = where
  const target =
    address === undefined ? '' : port === undefined ? ` ${address}` : ` ${address}:${port}`
  const error = withoutStack(`${syscall} ${code}: ${text}${target}`) as SystemError
  error.code = code
  error.errno = -errno
  error.syscall = syscall
  if (address !== undefined) error.address = address
  if (port !== undefined) error.port = port
  return error
}

/** `EADDRINUSE` for the positive number that this OS has for it. */
export function errorCode(errno: number): string {
  return (errorsByNumber.get(-errno) ?? unknownError(errno))[0]
}

function unknownError(errno: number): [code: string, text: string] {
  return [`E${errno}`, 'unknown error']
}

/**
 * An answer of the OS, got a thousand times a second, needs no stack trace, which takes longer than the
 * system call. Node makes its own system errors in this way (lib/internal/errors.js: UVException).
 */
function withoutStack(message: string): Error {
  const {stackTraceLimit} = Error
  Error.stackTraceLimit = 0
  const error = new Error(message)
  Error.stackTraceLimit = stackTraceLimit
  return error
}

/** Whether this process, or the machine, may open no further file: an answer about nothing else. */
export function isOutOfFiles(error: unknown): boolean {
  return isSystemError(error) && (error.code === 'EMFILE' || error.code === 'ENFILE')
}

export function isSystemError(error: unknown): error is SystemError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    'syscall' in error &&
    typeof error.syscall === 'string'
  )
}
