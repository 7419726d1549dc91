import {spawn} from 'node:child_process'

export interface ProgramLimits {
  /** It is ended after this time, and not waited for if it cannot be. */
  seconds: number
  /** Of stdout; it is ended when it writes more. */
  outputBytes: number
}

export interface ProgramAnswer {
  /** Null if it was ended by a signal that somebody else sent. */
  status: number | null
  stdout: string
  /** The beginning of it. */
  stderr: string
}

/** A program of the system has not answered; the message says which and why, for a person. */
class ProgramFailed extends Error {
  override name = 'ProgramFailed'
}

/** lsof takes a second or two on a machine with many processes. */
export const usualLimits: ProgramLimits = {seconds: 10, outputBytes: 64 * 1024 * 1024}
/** The same, for who has to wait without doing anything else (spawnSync, execFileSync). */
export const limitsInSync = {
  timeout: usualLimits.seconds * 1000,
  killSignal: 'SIGKILL',
  maxBuffer: usualLimits.outputBytes,
} as const
const keptErrorBytes = 4096

/**
 * Runs a program of the system (lsof, ps, netstat, sysctl) and waits for its end, but not for ever: lsof hangs where
 * a file server does not answer, and then not even SIGKILL ends it.
 * @throws ProgramFailed if it cannot be started, does not end in time or writes too much
 */
export function runProgram(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  {seconds, outputBytes}: ProgramLimits = usualLimits,
): Promise<ProgramAnswer> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {env, stdio: ['ignore', 'pipe', 'pipe']})
    const stdout: Buffer[] = []
    let outputLeft = outputBytes
    const stderr: Buffer[] = []
    let errorsLeft = keptErrorBytes
    const give = (why: string) => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      // Neither a process that cannot be ended nor what it has started keeps us: they may have the pipes open.
      child.stdout.destroy()
      child.stderr.destroy()
      child.unref()
      reject(new ProgramFailed(`${command} ${why}`))
    }
    const timer = setTimeout(() => give(`has not answered within ${seconds} s`), seconds * 1000)
    child.once('error', (error: NodeJS.ErrnoException) =>
      give(`cannot be started (${error.code ?? error.message})`),
    )
    child.stdout.on('data', (bytes: Buffer) => {
      outputLeft -= bytes.length
      if (outputLeft < 0) give(`has written more than ${outputBytes} bytes`)
      else stdout.push(bytes)
    })
    child.stderr.on('data', (bytes: Buffer) => {
      if (errorsLeft > 0) stderr.push(bytes.subarray(0, errorsLeft))
      errorsLeft -= bytes.length
    })
    child.once('close', (status) => {
      clearTimeout(timer)
      const text = (pieces: Buffer[]) => Buffer.concat(pieces).toString('utf8')
      resolve({status, stdout: text(stdout), stderr: text(stderr)})
    })
  })
}
