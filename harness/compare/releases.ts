import type {Range, ReleaseComparison} from '../documents/comparison-schema.ts'
import type {Expected, Report} from '../documents/report-schema.ts'
import {hull, isMeasured, releaseBracket, repetitionsOf} from './answer.ts'
import type {ReportDocument} from './documents.ts'
import {releasedState, rulesOf, textsOf} from './rules.ts'

/** The residues that a kernel's timer ends. */
const kernelStates = ['TIME_WAIT', 'FIN_WAIT2'] as const

type KernelState = (typeof kernelStates)[number]

/** How long each side's kernel keeps each residue: what its rules say and what was measured, as ranges. */
export function compareReleases(documents: readonly ReportDocument[]): ReleaseComparison[] {
  return kernelStates.flatMap((state) => {
    const releases = documents.map(({content}) => releaseOf(content, state))
    return releases.every((release) => release === null) ? [] : [{state, releases}]
  })
}

function releaseOf(
  {host, results}: Report,
  state: KernelState,
): ReleaseComparison['releases'][number] {
  const released = results.filter((result) => releasedState(host, rulesOf(host, result)) === state)
  const [first] = released
  const expected = hull(released.flatMap(({expected}) => rangeOf(expected)))
  const rule = first === undefined ? undefined : rulesOf(host, first).release
  if (expected === null || rule === undefined) return null
  const measured = released
    .filter(isMeasured)
    .flatMap(repetitionsOf)
    .flatMap(({bind}) => (bind === null ? [] : releaseBracket(bind)))
  const text = textsOf([{host, ids: [rule]}])[rule]
  return {
    expectedSeconds: expected,
    measuredSeconds: hull(measured),
    measurements: measured.length,
    rule,
    how: text?.because ?? '',
    source: text?.source ?? '',
  }
}

function rangeOf(expected: Expected | null): Range[] {
  return expected?.residueSeconds === undefined ? [] : [expected.residueSeconds]
}
