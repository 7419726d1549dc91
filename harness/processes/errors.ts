import {isSystemError} from '../sockets/system-error.ts'

/** A system error as it travels between processes and into reports; `errno` as the OS has it, positive. */
export interface SystemErrorFields {
  code: string
  errno: number
  syscall: string
  message: string
}

/** The error's plain fields, or only its message if it is not the operating system's. */
export function errorFields(error: unknown): SystemErrorFields | {message: string} {
  const message = error instanceof Error ? error.message : String(error)
  if (!isSystemError(error)) return {message}
  return {code: error.code, errno: Math.abs(error.errno), syscall: error.syscall, message}
}
