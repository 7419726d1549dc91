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
    /** Less was measured, so no target is judged. */
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
  /** What was done, and how often. */
  how: string
  wallSeconds: number
  /** How busy the machine was before: the mean number of runnable processes over a minute. */
  loadBefore: number
  rows: BenchRow[]
  /** Why none of it could be measured. */
  reason?: string
}

export interface BenchRow {
  what: string
  /** For `per-second` alone, more is better. */
  unit: 'seconds' | 'per-second' | 'bytes'
  /** Null if it could not be measured. */
  ours: number | null
  /** The least and the most of several rounds. */
  oursRange?: [number, number]
  baseline: {
    what: string
    value: number | null
    /** Computed from what was measured, because measuring it would take too long. */
    computed?: true
  } | null
  /** How many times the baseline's time or memory ours takes; null without a baseline. */
  ratio: number | null
  target: {of: 'ours' | 'ratio'; atMost: number} | null
  /** Null if there is no target, if it could not be measured, or if less was measured. */
  met: boolean | null
  note?: string
  /** Why it, or its baseline, could not be measured. */
  reason?: string
}

/** A port with a number of TIME_WAIT sockets, of connections from a number of client addresses. */
export interface Crowd {
  wanted: number
  /** As counted in the kernel's own table; fewer than wanted if its limit was reached. */
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
