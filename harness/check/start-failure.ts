import {existsSync} from 'node:fs'
import {delimiter, join, resolve} from 'node:path'
import {UsageError} from '../errors.ts'
import type {CommandToStart} from '../processes/protocol.ts'
import {CouldNotMeasure} from './could-not-measure.ts'

/** Where execvp(3) looks if there is no PATH (paths.h: _PATH_DEFPATH). */
const defaultPath = '/usr/bin:/bin'

interface Cause {
  what: string
  remedy: string
}

/**
 * What to throw for a command that could not be started. A first one is the user's to mend, as nothing has been
 * measured; later on, a program may be missing because it is being built, and what was measured until then counts.
 */
export function startFailure(
  error: unknown,
  command: Omit<CommandToStart, 'args'>,
  isFirst: boolean,
): unknown {
  const {code, message} = error as NodeJS.ErrnoException
  const cause = causeOf(code, command)
  if (isFirst && cause !== undefined) return new UsageError(`${cause.what}; ${cause.remedy}`)
  // Without a code it is not the system that refused, but whoever was asked to start it that is gone.
  if (isFirst || code === undefined) return new Error(`the command cannot be started: ${message}`)
  return new CouldNotMeasure({
    kind: 'never-listened',
    message: `the command could not be started: ${cause?.what ?? message}`,
    remedy: 'run the check while nothing builds, moves or removes what it starts',
  })
}

function causeOf(code: string | undefined, asked: Omit<CommandToStart, 'args'>): Cause | undefined {
  const {command, env} = asked
  const causes: Record<string, Cause> = {
    ...{ENOENT: nowhere(asked), ENOTDIR: nowhere(asked)},
    EACCES: {
      what: `"${command}" may not be executed`,
      remedy: 'is it a program, and executable (chmod +x)?',
    },
    ENOEXEC: {
      what: `"${command}" is not a program that this machine can run`,
      remedy: 'name its interpreter first',
    },
    E2BIG: {what: 'the command line is too long', remedy: 'shorten it'},
  }
  // Also the answer where nothing was found, and one folder of the PATH may not be looked into (execvp(3)).
  const isRefused = code === 'EACCES' || command === ''
  const isNowhere = isRefused && !command.includes('/') && !isInPath(command, env.PATH)
  return causes[isNowhere ? 'ENOENT' : (code ?? '')]
}

function nowhere({command, cwd = '.'}: Pick<CommandToStart, 'command' | 'cwd'>): Cause {
  if (!existsSync(cwd)) return {what: `the folder ${cwd} does not exist`, remedy: 'make it'}
  return command.includes('/')
    ? {what: `there is no program "${command}"`, remedy: 'check its path'}
    : {what: `there is no program "${command}" in the PATH`, remedy: 'give its path'}
}

function isInPath(command: string, path = defaultPath): boolean {
  return command !== '' && path.split(delimiter).some((folder) => existsSync(join(folder, command)))
}

/**
 * To be asked before anything is started: a shell starts whatever there is, and a trigger is late. Later on a program
 * may be missing for a moment, while it is built.
 * @throws UsageError if there is no such program
 */
export function assertProgramThere(asked: Omit<CommandToStart, 'args'>): void {
  const {command, env, cwd = '.'} = asked
  const isThere = command.includes('/')
    ? existsSync(resolve(cwd, command))
    : isInPath(command, env.PATH)
  if (isThere) return
  const {what, remedy} = nowhere(asked)
  throw new UsageError(`${what}; ${remedy}`)
}
