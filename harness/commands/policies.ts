import {join} from 'node:path'
import {exitStatus} from '../errors.ts'
import {measureAttemptCost} from '../policies/attempt-cost.ts'
import {
  newestReleases,
  type RecordedReleases,
  readReleases,
  releasesOf,
} from '../policies/recorded.ts'
import {policies as policyTable} from '../policies/table.ts'
import {jsonText} from '../reports/json-text.ts'
import {policiesDocument} from '../reports/policies-document.ts'
import {policiesSchema} from '../reports/policies-schema.ts'
import {renderPolicies} from '../reports/policies-terminal.ts'
import {makeRunFolder, type RunFolder, writeDocument} from '../reports/run-folder.ts'
import type {Timing} from '../reports/timing-schema.ts'
import {printable} from '../reports/words.ts'
import {columnsOf} from '../reports/wrap.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {timeReleases} from './timing.ts'

export interface PoliciesOptions {
  measure?: boolean
  json?: boolean
  /** Where runs are recorded, and a new measurement is. */
  out: string
}

/** Enough ports, closed over enough time, to see the earliest and the latest release. */
const measured = {ports: 32, spread: 6, residue: 'TIME_WAIT', limit: 150} as const

/** `rebind policies [PATH]`: what restart policies make of the release that was measured on this machine. */
export async function policies(
  path: string | undefined,
  options: PoliciesOptions,
): Promise<number> {
  const found = await releasesFor(path, options)
  if (typeof found === 'number') return found
  const folder = found.measuredNow ? found.folder : await makeRunFolder(options.out, new Date())
  const cost = await measureAttemptCost()
  const document = policiesSchema.parse(policiesDocument({policies: policyTable, cost, ...found}))
  if (options.json === true) process.stdout.write(`${jsonText(document)}\n`)
  else process.stdout.write(renderPolicies(document, columnsOf(process.stdout)))
  await writeDocument(folder, document, {beside: found.measuredNow ? [found.timing] : []})
  return exitStatus.asExpected
}

/** What was measured for this call, and where the table is put beside it. */
interface MeasuredReleases {
  recorded: RecordedReleases
  measuredNow: true
  timing: Timing
  folder: RunFolder
}

/** The exit status instead, if a measurement was interrupted or not possible. */
async function releasesFor(
  path: string | undefined,
  {measure = false, out}: PoliciesOptions,
): Promise<{recorded: RecordedReleases; measuredNow: false} | MeasuredReleases | number> {
  if (path !== undefined && !measure) {
    return {recorded: await readReleases(path), measuredNow: false}
  }
  const newest = measure ? undefined : await newestReleases(out)
  if (newest !== undefined) return {recorded: newest, measuredNow: false}
  const problem = nativeOpenerProblem()
  if (problem !== undefined) {
    process.stderr.write(`rebind: the release cannot be measured here: ${problem}\n`)
    return exitStatus.failed
  }
  const why = measure
    ? ''
    : `no recorded run in ${printable(out)} has a TIME_WAIT that was waited out, so `
  process.stderr.write(`${why}the release is measured now; that takes over a minute on Linux\n`)
  const {document, interrupted, folder} = await timeReleases({...measured, out})
  if (interrupted !== undefined) return interrupted
  const recorded = releasesOf(document, join(folder.path, 'timing.json'))
  return {recorded, measuredNow: true, timing: document, folder}
}
