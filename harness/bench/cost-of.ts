import {spawn} from 'node:child_process'
import {once} from 'node:events'
import type {Readable} from 'node:stream'
import {text} from 'node:stream/consumers'
import {monotonicSeconds} from '../clock.ts'
import {CannotMeasure} from './part.ts'
import {projectFolder} from './programs.ts'

export interface Cost {
  wallSeconds: number
  /** Of the process, and of all its descendants that were waited for. */
  cpuSeconds: number
  /** The most memory (resident set) that the process itself had at any time. */
  peakBytes: number
}

export interface CostOptions {
  cwd?: string
  signal?: AbortSignal
  /** Called with the pid of a Node process when it starts. */
  onStart?(pid: number): void
}

/** At its end, the process reports what the kernel counted for it. */
const telling = `data:text/javascript,${encodeURIComponent(
  'import{writeSync}from"node:fs";process.once("exit",()=>writeSync(3,"peak "+process.resourceUsage().maxRSS+"\\n"))',
)}`

/**
 * What running a Node program costs; the first word is Node itself. A shell waits for it, because times(1)
 * also counts descendants, on every Unix.
 * @throws CannotMeasure if it does not report that, or ends with a status above 1
 */
export async function costOf(
  [node = '', ...args]: readonly string[],
  {cwd = projectFolder, signal, onStart}: CostOptions = {},
): Promise<Cost> {
  const from = monotonicSeconds()
  const child = spawn(
    'sh',
    [
      '-c',
      '"$@" 3>&3; status=$?; times >&3; exit $status',
      'sh',
      node,
      `--import=${telling}`,
      ...args,
    ],
    {cwd, stdio: ['ignore', 'ignore', 'pipe', 'pipe'], ...(signal === undefined ? {} : {signal})},
  )
  if (child.pid !== undefined) onStart?.(child.pid)
  const ended = once(child, 'close')
  const [errors, told, [status]] = await Promise.all([
    text(child.stderr as Readable),
    text(child.stdio[3] as Readable),
    ended,
  ])
  const wallSeconds = monotonicSeconds() - from
  const peak = /^peak (\d+)$/m.exec(told)?.[1]
  const times = [...told.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => Number(minutes) * 60 + Number(seconds),
  )
  if (peak === undefined || times.length < 4 || status > 1) {
    throw new CannotMeasure(
      `${args.at(-1)} ended with status ${status}: ${errors.trim().split('\n').at(-1)}`,
    )
  }
  // The shell's own user and system time, then its descendants'.
  const cpuSeconds = times.slice(2).reduce((sum, each) => sum + each, 0)
  return {wallSeconds, cpuSeconds, peakBytes: Number(peak) * 1024}
}
