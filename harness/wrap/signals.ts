import type {ChildProcess} from 'node:child_process'
import {getsKeysOfTerminal} from './pseudo-terminal.ts'

/** Those of a terminal's keys go to all processes in front of it: the command has got them already. */
const ofKeys = ['SIGINT', 'SIGQUIT'] as const
const others = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const

/** Passes on the signals that this process gets, which lives until the command has ended. @returns ends it */
export function passSignalsOn(child: ChildProcess): () => void {
  const pass = (signal: NodeJS.Signals) => void child.kill(signal)
  const passUnlessKey = (signal: NodeJS.Signals) => {
    if (!getsKeysOfTerminal()) child.kill(signal)
  }
  for (const signal of others) process.on(signal, pass)
  for (const signal of ofKeys) process.on(signal, passUnlessKey)
  return () => {
    for (const signal of others) process.off(signal, pass)
    for (const signal of ofKeys) process.off(signal, passUnlessKey)
  }
}

/** Ends this process as the command was ended. */
export function endBy(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}
