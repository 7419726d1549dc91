import type {Range} from './comparison-schema.ts'
import type {Host, Result} from './report-schema.ts'

/** `1 connection`, `20000 connections`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

const stackTitles: Record<Host['stack'], string | undefined> = {
  linux: 'Linux',
  darwin: 'Darwin',
  gvisor: 'gVisor',
  windows: 'Windows',
  unknown: undefined,
}

/** `Linux 6.18.44 x64, Node 20.20.2, libuv 1.46.0`; `gVisor 20240729 (4.4.0) x64, ...` if it was given that label. */
export function hostWords({
  os,
  stack,
  label,
  release,
  kernel,
  arch,
  emulated,
  node,
  libuv,
}: Host): string {
  const title = stackTitles[stack] ?? os
  const upstream = kernel === undefined || release.startsWith(kernel) ? '' : ` (${kernel})`
  const system = label === undefined ? `${title} ${release}${upstream}` : `${label} (${release})`
  const machine = emulated === true ? `${arch}, emulated` : arch
  return `${system} ${machine}, Node ${node}, libuv ${libuv}`
}

/** What times of an emulated machine are worth, behind what the machine is; empty for any other. */
export function emulationWords({emulated}: Pick<Host, 'emulated'>): string {
  return emulated === true
    ? ' The machine was emulated: its times show what the kernel does, and nothing of how precisely that can be measured.'
    : ''
}

/** `TIME_WAIT`, `3 TIME_WAIT`, `none`, or `not visible` where the OS does not show it. */
export function residueWords({residue}: Pick<Result, 'residue'>): string {
  if (residue === null) return 'not visible'
  if (residue.length === 0) return 'none'
  return residue
    .map(({endpoint, state, count}) => `${endpoint} ${count > 1 ? `${count} ` : ''}${state}`)
    .join(', ')
}

/** `EADDRINUSE 98`, or a dash where the first attempt was granted. */
export function firstErrorWords({bind}: Pick<Result, 'bind'>): string {
  const error = bind?.firstError
  return error == null ? '-' : `${error.code} ${error.errno}`
}

export function verdictWords({bind}: Pick<Result, 'bind'>): string {
  if (bind === null) return '-'
  return bind.verdict === 'blocked' && !bind.waited ? 'refused' : bind.verdict
}

/** `61.234 s (1.2 ms)`: the wait, and the width of what is not known of it; or the spread of several. */
export function waitWords({
  bind,
  spread,
  repeats,
}: Pick<Result, 'bind' | 'spread' | 'repeats'>): string {
  if (bind === null) return '-'
  const waits = spread?.waitSeconds
  if (waits != null && waits[2] > 0) {
    const [min, median, max] = waits.map((seconds) => seconds.toFixed(3))
    return `${min} to ${max} s, median ${median} (${repeats?.length} times)`
  }
  const {verdict, waited, waitSeconds, uncertaintySeconds} = bind
  if (verdict === 'immediate') return '0 s'
  if (waitSeconds === null) return waited ? 'not within the limit' : 'not waited'
  const uncertainty =
    uncertaintySeconds === null ? '' : ` (${(uncertaintySeconds * 1000).toFixed(1)} ms)`
  return `${waitSeconds.toFixed(3)} s${uncertainty}`
}

/** What is known of a bind, in brief: its verdict, its wait and its first error. */
export function bindWords(result: Pick<Result, 'bind' | 'spread' | 'repeats'>): string[] {
  if (result.bind === null) return []
  const error = result.bind.firstError === null ? [] : [firstErrorWords(result)]
  return [verdictWords(result), waitWords(result), ...error]
}

export function statusWords({status, expected}: Result): string {
  if (status === 'skipped' && expected === null) return 'not judged'
  return status === 'as-expected' ? 'as expected' : status.toUpperCase()
}

/** How each thing that a client counted reads after its number. */
const countWords: Record<string, string> = {
  connections: 'connections',
  answersFromPredecessor: 'answered by the predecessor',
  answersFromSuccessor: 'answered by the successor',
  refusedConnections: 'refused',
  selfConnections: 'to itself',
  resetConnections: 'reset',
  unansweredConnections: 'without an answer',
  retransmittedSegments: 'segments retransmitted',
  timerRestarts: 'restarts of the timer',
  resets: 'RST when packets passed again',
  destroyedSockets: 'destroyed from outside',
}

/** How each time measured in addition to the bind reads. */
const timeWords: Record<string, (seconds: number) => string> = {
  longestGapSeconds: (seconds) =>
    `at most ${(seconds * 1000).toFixed(0)} ms from one answer to the next`,
  releaseSeconds: (seconds) => `free after ${seconds.toFixed(3)} s`,
  overshootSeconds: (seconds) => `noticed ${seconds.toFixed(3)} s later`,
}

/** What a result says in addition to its bind: what a client counted, and what the OS answered it. */
export function besidesWords({
  calls = [],
  measurements = {},
}: Pick<Result, 'calls' | 'measurements'>): string | undefined {
  const counted = Object.entries(measurements).map(([name, value]) => {
    if (Object.hasOwn(countWords, name)) return `${value} ${countWords[name]}`
    const words = Object.hasOwn(timeWords, name) ? timeWords[name] : undefined
    return words === undefined ? `${name} ${value}` : words(value)
  })
  const answered = calls.map(({from, call, outcome, errno}) => {
    const number = errno === undefined ? '' : ` ${errno}`
    return `${call}() from ${from}: ${outcome}${number}`
  })
  const words = [...answered, ...counted]
  return words.length === 0 ? undefined : words.join(', ')
}

/** The columns that every rendering of a report's results has, in this order. */
export const resultColumns: readonly [title: string, cell: (result: Result) => string][] = [
  ['scenario', ({scenario}) => scenario],
  ['residue', residueWords],
  ['first error', firstErrorWords],
  ['verdict', verdictWords],
  ['wait (uncertainty)', waitWords],
  ['result', statusWords],
]

/** `17 as expected, 0 unexpected, 0 failed, 0 skipped`. */
export function tally(results: readonly Result[]): string {
  const count = (status: Result['status']) =>
    results.filter((result) => result.status === status).length
  return [
    `${count('as-expected')} as expected`,
    `${count('unexpected')} unexpected`,
    `${count('failed')} failed`,
    `${count('skipped')} skipped`,
  ].join(', ')
}

/** `17 passed, 0 failed, 0 skipped`: the last line of a run, in words that every CI knows. */
export function closingLine(results: readonly Result[]): string {
  const count = (...wanted: Result['status'][]) =>
    results.filter(({status}) => wanted.includes(status)).length
  return [
    `${count('as-expected')} passed`,
    `${count('unexpected', 'failed')} failed`,
    `${count('skipped')} skipped`,
  ].join(', ')
}

export function rangeWords([min, max]: Range, digits: number): string {
  return `${min.toFixed(digits)} to ${max.toFixed(digits)}`
}
