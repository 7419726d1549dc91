import {join} from 'node:path'
import {policiesSchema} from '../documents/policies-schema.ts'
import type {Timing} from '../documents/timing-schema.ts'
import {exitStatus} from '../errors.ts'
import {measureAttemptCost} from '../policies/attempt-cost.ts'
import {policiesDocument} from '../policies/document.ts'
import type {AttemptCost} from '../policies/policy.ts'
import {
  newestReleases,
  type RecordedReleases,
  readReleases,
  releasesOf,
} from '../policies/recorded.ts'
import {policies as policyTable} from '../policies/table.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {printable} from '../text.ts'
import {type OutputOptions, openOutputs} from './outputs.ts'
import {inSession, type Outcome} from './session.ts'
import {outcomeOf, timeReleases} from './timing.ts'

export interface PoliciesOptions extends OutputOptions {
  measure?: boolean
  quiet?: boolean
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
  const outputs = await openOutputs(options, {
    noVerdict: 'policies measures and judges nothing',
  })
  const recorded = await recordedReleases(path, options)
  if (recorded === undefined) {
    const problem = nativeOpenerProblem()
    if (problem !== undefined) {
      process.stderr.write(`rebind: the release cannot be measured here: ${problem}\n`)
      return exitStatus.failed
    }
    const nothing = `no recorded run in ${printable(options.out)} has a TIME_WAIT that was waited out, so `
    const why = options.measure === true ? '' : nothing
    if (options.quiet !== true) {
      process.stderr.write(`${why}the release is measured now; that takes over a minute on Linux\n`)
    }
  }
  const {out, quiet} = options
  return inSession({out, outputs, quiet}, async (session) => {
    if (recorded !== undefined) return outcomeFor(recorded, [])
    const timing = await timeReleases(measured, session)
    // Of no release nothing can be said, and what was interrupted tells the early ones only.
    if (session.interruption.aborted || timing.summary.released === 0) {
      return {
        documents: [timing],
        reported: null,
        ...outcomeOf(timing, measured.limit),
      }
    }
    const file = join(session.folder.path, 'timing.json')
    return outcomeFor(releasesOf(timing, file), [timing])
  })
}

/** @param beside what was measured for it just now: kept, whatever becomes of the rest */
export async function outcomeFor(
  recorded: RecordedReleases,
  beside: readonly Timing[],
): Promise<Outcome> {
  let cost: AttemptCost
  try {
    cost = await measureAttemptCost()
  } catch (error) {
    if (beside.length === 0) throw error
    const problem = `how long a start takes could not be measured (${(error as Error).message})`
    return {
      ...{documents: [...beside], reported: null, status: exitStatus.failed},
      complaint: `${problem}; the timing is kept, so try again: rebind policies ${recorded.file}`,
    }
  }
  const measuredNow = beside.length > 0
  const document = policiesSchema.parse(
    policiesDocument({policies: policyTable, cost, recorded, measuredNow}),
  )
  return {
    documents: [...beside, document],
    status: exitStatus.asExpected,
  }
}

/** What has been measured before; undefined if it has to be measured now. */
async function recordedReleases(
  path: string | undefined,
  {measure = false, quiet = false, out}: PoliciesOptions,
): Promise<RecordedReleases | undefined> {
  if (measure) return undefined
  if (path !== undefined) return readReleases(path)
  return newestReleases(out, (problem) => {
    if (!quiet) process.stderr.write(`rebind: passed over: ${problem}\n`)
  })
}
