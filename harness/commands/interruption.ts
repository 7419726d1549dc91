import {constants} from 'node:os'

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

/**
 * Turns SIGINT, SIGTERM and SIGHUP into an orderly end. Further signals are ignored: through npm a
 * terminal's Ctrl-C arrives twice within a millisecond, and the end takes less than a second.
 */
export function listenForInterruption(): Interruption {
  const controller = new AbortController()
  const interrupt = (signal: NodeJS.Signals) => {
    if (!controller.signal.aborted) controller.abort(signal)
  }
  for (const signal of interruptingSignals) process.on(signal, interrupt)
  return {
    signal: controller.signal,
    exitStatus: () =>
      controller.signal.aborted
        ? 128 + constants.signals[controller.signal.reason as NodeJS.Signals]
        : undefined,
    dispose: () => {
      for (const signal of interruptingSignals) process.off(signal, interrupt)
    },
  }
}
