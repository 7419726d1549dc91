import {fstatSync, readFileSync, readSync, type Stats, statSync} from 'node:fs'
import {constants, homedir} from 'node:os'
import {join} from 'node:path'
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

/** SIGINTs closer together are one: through npm, or npm in npm, each Ctrl-C arrives several times at once. */
const oneInterruptMilliseconds = 100
/** So many SIGINTs end the program at once. */
const impatientInterrupts = 3

/**
 * Turns SIGINT, SIGTERM and SIGHUP into an orderly end. Further signals are ignored, as the end takes less
 * than a second; but a third SIGINT ends the program without it. When the npm that started this process is
 * gone, that counts as SIGHUP. A SIGHUP that was ignored at the start stays ignored.
 */
export function listenForInterruption(): Interruption {
  const controller = new AbortController()
  let interrupts = 0
  let interruptedAt = Number.NEGATIVE_INFINITY
  const interrupt = (signal: NodeJS.Signals) => {
    if (!controller.signal.aborted) controller.abort(signal)
    if (signal !== 'SIGINT' || performance.now() - interruptedAt < oneInterruptMilliseconds) return
    interruptedAt = performance.now()
    interrupts++
    // What ends the processes of a run at an exit does so now, too.
    if (interrupts >= impatientInterrupts) process.exit(128 + constants.signals.SIGINT)
  }
  const isHangupIgnored = hangupWasIgnored()
  const signals = interruptingSignals.filter((name) => name !== 'SIGHUP' || !isHangupIgnored)
  for (const signal of signals) process.on(signal, interrupt)
  const watch = isHangupIgnored ? undefined : watchNpm(() => interrupt('SIGHUP'))
  return {
    signal: controller.signal,
    exitStatus: () =>
      controller.signal.aborted
        ? 128 + constants.signals[controller.signal.reason as NodeJS.Signals]
        : undefined,
    dispose: () => {
      clearInterval(watch)
      for (const signal of signals) process.off(signal, interrupt)
    },
  }
}

/** Undoes what Node does at its start, where a hangup was to be ignored: it has SIGHUP end the program. */
export function keepIgnoringHangup(): void {
  if (hangupWasIgnored()) process.on('SIGHUP', () => undefined)
}

/**
 * Whether this program was started with SIGHUP ignored, as nohup(1) starts one. Node sets every signal that
 * was ignored back to its default before any of our code runs (PlatformInit in src/node.cc), so only what
 * else nohup does can be seen: it appends the output to `nohup.out` (POSIX) and, from GNU, makes of a
 * terminal's stdin a /dev/null that cannot be read. Or the parent ignores the signal itself, as a
 * script under nohup does. A nohup whose streams all went elsewhere before cannot be recognised.
 */
export function hangupWasIgnored(): boolean {
  return isNohupOut(1) || isNohupOut(2) || isUnreadableNull() || parentIgnoresHangup()
}

function isNohupOut(fd: number): boolean {
  const output = statusOf(() => fstatSync(fd))
  return ['nohup.out', join(homedir(), 'nohup.out')].some((path) => {
    const file = statusOf(() => statSync(path))
    return file !== undefined && file.ino === output?.ino && file.dev === output.dev
  })
}

function isUnreadableNull(): boolean {
  const stdin = statusOf(() => fstatSync(0))
  const nothing = statusOf(() => statSync('/dev/null'))
  // Anything else must not be read from here.
  if (stdin?.isCharacterDevice() !== true || stdin.rdev !== nothing?.rdev) return false
  try {
    readSync(0, Buffer.alloc(1))
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EBADF'
  }
}

function statusOf(read: () => Stats): Stats | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** From /proc/PID/status (proc(5)): a mask of the ignored signals, bit 0 for signal 1. */
function parentIgnoresHangup(): boolean {
  try {
    const text = readFileSync(`/proc/${process.ppid}/status`, 'latin1')
    const [, mask = ''] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(text) ?? []
    return (BigInt(`0x${mask}`) & 1n) === 1n
  } catch {
    return false
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
