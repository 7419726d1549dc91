import type {Range, ReleaseComparison} from '../documents/comparison-schema.ts'
import type {Report, Result} from '../documents/report-schema.ts'
import {hull, isMeasured, releaseBracket, repetitionsOf} from './answer.ts'
import type {ReportDocument} from './documents.ts'
import {releasedState, rulesOf, textsOf} from './rules.ts'

/** The residues that a kernel's timer ends. */
const kernelStates = ['TIME_WAIT', 'FIN_WAIT2'] as const

type KernelState = (typeof kernelStates)[number]

/**
 * How long each side's kernel keeps each residue: what its rules say and what was measured, as ranges. Scenarios for
 * which a side's rules say something else, such as the arms of one about a kernel setting, are kept apart.
 */
export function compareReleases(documents: readonly ReportDocument[]): ReleaseComparison[] {
  return kernelStates.flatMap((state) => {
    const groups = groupsOf(
      documents.map(({content}) => content),
      state,
    )
    return groups.map((group) => ({
      state,
      scenarios: group.map(({scenario}) => scenario),
      releases: documents.map(({content: {host}}, side) =>
        releaseOf(
          host,
          group.flatMap(({results}) => results[side] ?? []),
        ),
      ),
    }))
  })
}

/** A scenario that ends with the release of a residue, on the sides that have it. */
interface Released {
  scenario: string
  results: readonly (Result | undefined)[]
}

/** Scenarios of one group have the same range on each side that has them both. */
function groupsOf(reports: readonly Report[], state: KernelState): Released[][] {
  const sides = reports.map(({host, results}) =>
    results.filter(
      (result) =>
        isMeasured(result) &&
        result.expected?.residueSeconds !== undefined &&
        releasedState(host, rulesOf(host, result)) === state,
    ),
  )
  const groups: Released[][] = []
  for (const scenario of new Set(sides.flat().map((result) => result.scenario))) {
    const results = sides.map((side) => side.find((result) => result.scenario === scenario))
    const fits = groups.find((group) =>
      group.every((other) => haveSameRanges(results, other.results)),
    )
    if (fits === undefined) groups.push([{scenario, results}])
    else fits.push({scenario, results})
  }
  return groups
}

function haveSameRanges(a: Released['results'], b: Released['results']): boolean {
  return a.every((result, side) => {
    const [ranges, others] = [rangesOf(result), rangesOf(b[side])]
    return [...ranges, ...others].length < 2 || String(ranges) === String(others)
  })
}

function releaseOf(
  host: Report['host'],
  released: readonly Result[],
): ReleaseComparison['releases'][number] {
  const [first] = released
  const [expectedSeconds] = rangesOf(first)
  const rule = first === undefined ? undefined : rulesOf(host, first).release
  if (expectedSeconds === undefined || rule === undefined) return null
  // How precisely an emulated machine can be measured is not stated anywhere.
  const measured = (host.emulated === true ? [] : released)
    .flatMap(repetitionsOf)
    .flatMap(({bind}) => (bind === null ? [] : releaseBracket(bind)))
  const text = textsOf([{host, ids: [rule]}])[rule]
  return {
    expectedSeconds,
    measuredSeconds: hull(measured),
    measurements: measured.length,
    rule,
    how: text?.because ?? '',
    source: text?.source ?? '',
  }
}

function rangesOf(result: Result | undefined): Range[] {
  const range = result?.expected?.residueSeconds
  return range === undefined ? [] : [range]
}
