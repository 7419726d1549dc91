import type {Host} from '../documents/report-schema.ts'
import type {BindOption} from '../sockets/bind-options.ts'

/** What `npm run bench -- --json` prints. */
export interface Bench {
  format: 'rebind-bench'
  version: 1
  run: {
    startedAt: string
    wallSeconds: number
    rebind: string
    command: string[]
    /** Less than all was measured, so that no target is judged. */
    quick: boolean
    /** The signal that ended it early. */
    interrupted?: string
  }
  host: Host
  machine: {cores: number; processor: string; memoryBytes: number}
  parts: BenchPart[]
  crowds: Crowd[]
}

export interface BenchPart {
  part: number
  name: string
  title: string
  /** What was done, with the numbers of how much. */
  how: string
  wallSeconds: number
  /** How busy the machine was before: the mean number of processes that wanted to run, over a minute. */
  loadBefore: number
  rows: BenchRow[]
  /** Why nothing of it could be measured. */
  reason?: string
}

export interface BenchRow {
  what: string
  /** `per-second` is the only one of which more is better. */
  unit: 'seconds' | 'per-second' | 'bytes'
  /** Null if it could not be measured. */
  ours: number | null
  /** The least and the most of several rounds. */
  oursRange?: [number, number]
  baseline: {
    what: string
    value: number | null
    /** Worked out from what was measured, because to measure it would take too long. */
    computed?: true
  } | null
  /** How many times the baseline's time or memory ours takes; null without a baseline. */
  ratio: number | null
  target: {of: 'ours' | 'ratio'; atMost: number} | null
  /** Null without a target, if it could not be measured, and if less than all was measured. */
  met: boolean | null
  note?: string
  /** Why it, or its baseline, could not be measured. */
  reason?: string
}

/** A port with so many TIME_WAIT sockets on it, of connections from so many client addresses. */
export interface Crowd {
  wanted: number
  /** As the kernel's own table has them; fewer than wanted if its limit came first. */
  reached: number
  clientAddresses: number
  /** How long it took to make them. */
  makingSeconds: number
  binds: {
    bind: BindOption
    address: string
    /** `granted`, or the error's code. */
    outcome: string
    tries: number
    medianSeconds: number
    maxSeconds: number
  }[]
  /** `rebind why PORT`, from its start to its end. */
  why: {runs: number; medianSeconds: number; peakBytes: number} | null
  /** Of the kernel's TIME_WAIT sockets, where it shows that (root only, on Linux). */
  kernelBytes: number | null
}
