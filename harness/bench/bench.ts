import {mkdtemp, rm} from 'node:fs/promises'
import {cpus, loadavg, tmpdir, totalmem} from 'node:os'
import {join} from 'node:path'
import {monotonicSeconds} from '../clock.ts'
import {describeHost} from '../documents/host.ts'
import {detectPlatform} from '../platforms/detect.ts'
import {version} from '../version.ts'
import type {Bench, BenchPart, Crowd} from './document.ts'
import type {Part} from './part.ts'

export interface BenchOptions {
  parts: readonly Part[]
  quick: boolean
  command: string[]
  signal: AbortSignal
  tell(text: string): void
}

/** Measures the parts, one after the other; a part that cannot be measured does not keep the others from it. */
export async function bench(options: BenchOptions): Promise<Bench> {
  const {quick, signal, tell} = options
  const startedAt = new Date()
  const origin = monotonicSeconds()
  const platform = detectPlatform()
  const scratch = await mkdtemp(join(tmpdir(), 'rebind-bench-'))
  const measured: BenchPart[] = []
  const crowds: Crowd[] = []
  try {
    for (const {number, name, title, measure} of options.parts) {
      if (signal.aborted) break
      tell(`${number}. ${title}`)
      const about = {part: number, name, title, loadBefore: loadavg()[0] ?? 0}
      const from = monotonicSeconds()
      const took = () => ({wallSeconds: monotonicSeconds() - from})
      try {
        const {
          how,
          rows,
          crowds: found = [],
        } = await measure({
          quick,
          signal,
          scratch,
          tell: (text) => tell(`   ${text}`),
        })
        measured.push({...about, how, rows: quick ? rows.map(unjudged) : rows, ...took()})
        crowds.push(...found)
      } catch (error) {
        const reason = signal.aborted ? 'interrupted' : (error as Error).message
        measured.push({...about, how: '', rows: [], reason, ...took()})
      }
    }
  } finally {
    await rm(scratch, {recursive: true, force: true})
  }
  return {
    format: 'rebind-bench',
    version: 1,
    run: {
      startedAt: startedAt.toISOString(),
      wallSeconds: monotonicSeconds() - origin,
      rebind: version,
      command: options.command,
      quick,
      ...(signal.aborted ? {interrupted: String(signal.reason)} : {}),
    },
    host: describeHost(platform, await platform.readSettings()),
    machine: {
      cores: cpus().length,
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      memoryBytes: totalmem(),
    },
    parts: measured,
    crowds,
  }
}

/** If less is measured, no target is judged. */
function unjudged(row: BenchPart['rows'][number]): BenchPart['rows'][number] {
  return {...row, met: null}
}
