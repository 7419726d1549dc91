import type {ChildProcess} from 'node:child_process'
import {closeSync, fstatSync} from 'node:fs'
import {Socket} from 'node:net'
import type {Readable} from 'node:stream'
import {isatty, ReadStream} from 'node:tty'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {openPipe, openPseudoTerminal, type TerminalSize} from './pseudo-terminal.ts'

/** Where the outputs of a command go, so that they can be read on their way. */
export interface Outputs {
  /** What the command gets as its stdout and stderr. */
  stdio: ('inherit' | 'pipe' | number)[]
  /** What is to be read of the started command, and where it goes. */
  streams(child: ChildProcess): {source: Readable; target: NodeJS.WriteStream}[]
  /** Where no command was started: what is open would keep us alive. */
  close(): void
  /** Absent where no pseudo-terminal is there. */
  resize?(size: TerminalSize): void
}

/** One of them, or both where both are the same file: two pipes would lose the order. */
interface Route {
  writing: number
  source: Readable
  target: NodeJS.WriteStream
  resize?(size: TerminalSize): void
}

/**
 * A terminal where ours is one, else a pipe. A terminal of stdout stays itself, and is not read: programs that draw on
 * it set by it what its keys do.
 */
export function openOutputs(): Outputs {
  const stdout = isatty(1) ? 'inherit' : 'pipe'
  // Node's own pipes are sockets, which nobody can open as /dev/stderr; but they can do without an FFI.
  if (nativeOpenerProblem() !== undefined) return withNodesPipes(stdout)
  const err = isatty(2) ? terminalFor(process.stderr) : pipeFor(process.stderr)
  const out = stdout === 'inherit' ? undefined : areSame(1, 2) ? err : pipeFor(process.stdout)
  const routes = new Set([err, ...(out === undefined ? [] : [out])])
  return {
    stdio: [out?.writing ?? 'inherit', err.writing],
    streams: () =>
      [...routes].map(({writing, source, target}) => {
        closeSync(writing)
        return {source, target}
      }),
    close() {
      for (const {writing, source} of routes) {
        closeSync(writing)
        source.destroy()
      }
    },
    ...(err.resize === undefined ? {} : {resize: err.resize}),
  }
}

function withNodesPipes(stdout: 'inherit' | 'pipe'): Outputs {
  return {
    stdio: [stdout, 'pipe'],
    streams: ({stdout: out, stderr: err}) => [
      ...(out === null ? [] : [{source: out, target: process.stdout}]),
      ...(err === null ? [] : [{source: err, target: process.stderr}]),
    ],
    // Node has closed them.
    close: () => undefined,
  }
}

function terminalFor(target: NodeJS.WriteStream): Route {
  const {reading, writing, resize} = openPseudoTerminal(sizeOf(target))
  return {writing, source: new ReadStream(reading), target, resize}
}

function pipeFor(target: NodeJS.WriteStream): Route {
  const {reading, writing} = openPipe()
  return {writing, source: new Socket({fd: reading, writable: false}), target}
}

export function sizeOf({columns = 80, rows = 24}: Partial<TerminalSize>): TerminalSize {
  return {columns, rows}
}

function areSame(one: number, other: number): boolean {
  try {
    const [a, b] = [fstatSync(one), fstatSync(other)]
    return a.dev === b.dev && a.ino === b.ino
  } catch {
    return false
  }
}
