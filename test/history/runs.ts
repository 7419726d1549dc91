/** Run folders as years of a CI leave them: a really recorded report again and again, with other dates and waits. */
import {mkdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import type {Report, Result} from '../../harness/documents/report-schema.ts'
import {recordedReport} from '../documents/documents.ts'

const hour = 3_600_000
const firstRun = Date.parse('2026-01-01T04:23:00Z')

/** What differs from the recorded report in the run of that number. */
export type Change = (report: Report, index: number) => Partial<Report>

/** The report of the run of that number, each some hours after the one before. */
export function runOf(index: number, change: Change = () => ({})): Report {
  const report = recorded
  const startedAt = new Date(firstRun + index * 4 * hour).toISOString()
  const id = `${startedAt.replace(/\.\d+Z$/, 'Z').replaceAll(':', '-')}-${(0x1000 + index).toString(16)}`
  const later = {
    ...report,
    run: {...report.run, id, startedAt},
    results: report.results.map(strayed(index)),
  }
  return {...later, ...change(later, index)}
}

const recorded = recordedReport()

/** As the kernel makes the wait vary within its range, and processes theirs; the same in each run of that number. */
function strayed(index: number) {
  return (result: Result, place: number): Result => {
    const {bind, expected} = result
    if (bind?.verdict !== 'delayed' || bind.waitSeconds === null) return result
    const share = shareOf(index * 1009 + place + 1)
    const [from, to] = expected?.residueSeconds ?? [bind.waitSeconds, bind.waitSeconds + 0.005]
    const seconds = from + share * (to - from)
    return {...result, bind: {...bind, waitSeconds: seconds, residueSeconds: seconds}}
  }
}

/** From 0 to 1, as random as needed, and the same every time: the mixing of xorshift-multiply. */
function shareOf(seed: number): number {
  let mixed = Math.imul(seed ^ (seed >>> 16), 0x45d9f3b)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b)
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
}

/** With another wait in one scenario. */
export function withWait(report: Report, scenario: string, seconds: number): Partial<Report> {
  return {
    results: report.results.map((result) =>
      result.scenario === scenario && result.bind !== null
        ? {...result, bind: {...result.bind, waitSeconds: seconds, residueSeconds: seconds}}
        : result,
    ),
  }
}

/** Writes so many run folders. */
export function writeRuns(folder: string, count: number, change?: Change): void {
  for (let index = 0; index < count; index++) writeReport(folder, runOf(index, change))
}

/** Writes a run folder, as `rebind run` does. */
export function writeReport(folder: string, report: Report): string {
  const path = join(folder, report.run.id)
  mkdirSync(path, {recursive: true})
  writeFileSync(join(path, 'report.json'), `${JSON.stringify(report, null, 2)}\n`)
  return path
}

if (process.argv[1] === import.meta.filename) {
  const [, , folder = '', count = '2000'] = process.argv
  writeRuns(folder, Number(count), (report, index) => ({
    ...(index % 1000 > 700 ? withWait(report, 'server-closes-first', 30 + (index % 7) / 10) : {}),
    host: {
      ...report.host,
      release: index > 1200 ? '6.19.1' : report.host.release,
      node: index > 600 ? '22.4.0' : report.host.node,
    },
  }))
}
