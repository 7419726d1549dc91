import {getSystemErrorMap} from 'node:util'

/** `EADDRINUSE` for the positive number that the OS has for it. */
export function errnoName(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[0] ?? `errno ${errno}`
}
