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
  const [code, text] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, 'unknown error']
  const target = [where.address, where.port].filter((part) => part !== undefined).join(':')
  const error = new Error(`${syscall} ${code}: ${text} ${target}`.trimEnd())
  return Object.assign(error, {code, errno: -errno, syscall, ...where})
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
