import {type ChildProcess, spawn} from 'node:child_process'
import type {Readable} from 'node:stream'
import {UsageError} from '../errors.ts'
import type {Named} from '../explain/messages.ts'
import {openLines} from './lines.ts'
import {type Outputs, openOutputs, sizeOf} from './outputs.ts'
import {passSignalsOn} from './signals.ts'

/** How the command ended. */
export type Ending = {status: number} | {signal: NodeJS.Signals}

export interface RunOptions {
  command: readonly string[]
  /** SIGHUP was ignored when we were started, and is to be ignored by the command, too. */
  ignoresHangup: boolean
  /** Called when a line says that a port was refused; the output waits behind it. */
  onRefused(named: Named): Promise<void>
}

/** Node starts a program with all signals as usual; sh(1) becomes it, with that one ignored. The script is fixed. */
const ignoringHangup = ['sh', '-c', 'trap "" HUP; exec "$@"', 'sh']

/**
 * Runs a command as if it were run without us: with our stdin, and its output passed on byte by byte.
 * @throws UsageError if the command cannot be started
 */
export async function runCommand({command, ignoresHangup, onRefused}: RunOptions): Promise<Ending> {
  if (command[0] === '') {
    throw new UsageError('the command is an empty word; is a variable in its place not set?')
  }
  const outputs = openOutputs()
  const words = ignoresHangup ? [...ignoringHangup, ...command] : command
  const child = start(words, outputs)
  const stopPassing = passSignalsOn(child)
  const ended = new Promise<Ending>((resolve, reject) => {
    child.on('error', (error) => {
      // A running command may only have become another user's, as sudo does, so that it gets no signal from us.
      if (child.pid === undefined) reject(cannotStart(words, error))
    })
    child.once('exit', (status, signal) => {
      // What goes on writing now is not ours to end.
      stopPassing()
      resolve(signal === null ? {status: status ?? 0} : {signal})
    })
  })
  const followSize = () => {
    if (outputs.resize === undefined) return
    outputs.resize(sizeOf(process.stderr))
    // It may have looked at its size before.
    child.kill('SIGWINCH')
  }
  process.stderr.on('resize', followSize)
  try {
    const [ending] = await Promise.all([
      ended,
      ...outputs.streams(child).map(({source, target}) => passOn(source, target, onRefused)),
    ])
    return ending
  } finally {
    process.stderr.off('resize', followSize)
    stopPassing()
  }
}

/** Some errors of a start are thrown (ENOTDIR, E2BIG), the others are emitted. */
function start(words: readonly string[], outputs: Outputs): ChildProcess {
  const [program = '', ...args] = words
  try {
    return spawn(program, args, {stdio: ['inherit', ...outputs.stdio]})
  } catch (error) {
    outputs.close()
    throw cannotStart(words, error as NodeJS.ErrnoException)
  }
}

function cannotStart(
  [program = '']: readonly string[],
  {code, message}: NodeJS.ErrnoException,
): UsageError {
  return new UsageError(
    `${program} cannot be started (${code ?? message}); is it spelled right, and in the PATH?`,
  )
}

/** Until whoever has the other end has closed it: the command, and what it has left running. */
async function passOn(
  source: Readable,
  target: NodeJS.WriteStream,
  onRefused: RunOptions['onRefused'],
): Promise<void> {
  const lines = openLines()
  try {
    for await (const chunk of source) {
      for (const {bytes, named} of lines.pieces(chunk)) {
        await write(target, bytes)
        if (named !== undefined) await onRefused(named)
      }
    }
  } catch (error) {
    // A pseudo-terminal that nobody has open any more is read as EIO; and who reads ours may have seen enough, which the
    // command is to notice, as it would of its own.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
  } finally {
    source.destroy()
  }
  const named = lines.end()
  if (named !== undefined) await onRefused(named)
}

function write(target: NodeJS.WriteStream, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    target.write(bytes, (error) => (error == null ? resolve() : reject(error)))
  })
}
