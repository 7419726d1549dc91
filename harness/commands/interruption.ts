import {constants} from 'node:os'
import {commandLineOf} from '../processes/process-table.ts'

/** A run that signals can interrupt. */
export interface Interruption {
  /** Aborted with the signal's name as its reason. */
  signal: AbortSignal
  /** 130 for SIGINT, 143 for SIGTERM ...; undefined while nothing interrupts. */
  exitStatus(): number | undefined
  /** Lets the signals have their usual effect again. */
  dispose(): void
}

const interruptingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const lookForNpmEveryMilliseconds = 250

/**
 * Turns SIGINT, SIGTERM and SIGHUP into an orderly end. Further signals are ignored: through npm a
 * terminal's Ctrl-C arrives twice within a millisecond, and the end takes less than a second. When the npm
 * that started this process is gone, that counts as SIGHUP.
 */
export function listenForInterruption(): Interruption {
  const controller = new AbortController()
  const interrupt = (signal: NodeJS.Signals) => {
    if (!controller.signal.aborted) controller.abort(signal)
  }
  for (const signal of interruptingSignals) process.on(signal, interrupt)
  const watch = watchNpm(() => interrupt('SIGHUP'))
  return {
    signal: controller.signal,
    exitStatus: () =>
      controller.signal.aborted
        ? 128 + constants.signals[controller.signal.reason as NodeJS.Signals]
        : undefined,
    dispose: () => {
      clearInterval(watch)
      for (const signal of interruptingSignals) process.off(signal, interrupt)
    },
  }
}

/** npm passes SIGINT and SIGTERM on, and ends by any other signal without a word to what it runs. */
function watchNpm(whenGone: () => void): NodeJS.Timeout | undefined {
  const parent = process.ppid
  const isUnderNpm = process.env.npm_lifecycle_event !== undefined
  if (!isUnderNpm || !/^npm |npm-cli/.test(commandLineOf(parent) ?? '')) return undefined
  return setInterval(() => {
    if (process.ppid !== parent) whenGone()
  }, lookForNpmEveryMilliseconds).unref()
}
