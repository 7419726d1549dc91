import type {Range, ReleaseComparison} from '../documents/comparison-schema.ts'
import type {Expected, Report, Result} from '../documents/report-schema.ts'
import {platformOf} from '../platforms/detect.ts'
import type {Stack} from '../platforms/platform.ts'
import {hull, isMeasured, releaseBracket, repetitionsOf} from './answer.ts'
import type {ReportDocument} from './documents.ts'

/** The residues that a kernel's timer ends. */
const kernelStates = ['TIME_WAIT', 'FIN_WAIT2'] as const

type KernelState = (typeof kernelStates)[number]

/** What makes the width of a release's range, in words that follow `60.00 to 62.05 s`. */
const ways: Partial<Record<Stack, Partial<Record<KernelState, string>>>> = {
  linux: {
    TIME_WAIT: 'by the timer wheel, which rounds a constant 60 s up',
    FIN_WAIT2: 'by tcp_fin_timeout and the timer wheel, which rounds up',
  },
  gvisor: {
    TIME_WAIT: "by a timer of Go's, which fires within milliseconds",
    FIN_WAIT2: "by a timer of Go's, which fires within milliseconds",
  },
  darwin: {
    TIME_WAIT: 'by the next collection pass after 2 * tcp_msl',
    FIN_WAIT2: 'by net.inet.tcp.fin_timeout',
  },
}

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
  const released = results.filter((result) => releasedState(host, result) === state)
  const expected = hull(released.flatMap(({expected}) => rangeOf(expected)))
  const source = released[0]?.expected?.source.split('; ').slice(1).join('; ')
  if (expected === null || source === undefined) return null
  const measured = released
    .filter(isMeasured)
    .flatMap(repetitionsOf)
    .flatMap(({bind}) => (bind === null ? [] : releaseBracket(bind)))
  return {
    expectedSeconds: expected,
    measuredSeconds: hull(measured),
    measurements: measured.length,
    how: ways[host.stack]?.[state] ?? '',
    source,
  }
}

/** By what the residue of a scenario is released, e.g. `by the timer wheel, which ...`. */
export function howReleased(
  host: Report['host'],
  result: Pick<Result, 'expected'>,
): string | undefined {
  const state = releasedState(host, result)
  return state === undefined ? undefined : ways[host.stack]?.[state]
}

/** Which state it is whose release ends the wait: what a residue turned into, if it did. */
function releasedState(
  {stack, settings}: Report['host'],
  {expected}: Pick<Result, 'expected'>,
): KernelState | undefined {
  const rules = platformOf(stack).rules
  if (rules === null || expected?.residueSeconds === undefined) return undefined
  return kernelStates.find((state) => {
    const release = rules.release(state, settings)
    return release.endsBy === 'kernel' && endsWithSource(expected, release.source)
  })
}

function endsWithSource({source}: Expected, release: string): boolean {
  return source === release || source.endsWith(`; ${release}`)
}

function rangeOf(expected: Expected | null): Range[] {
  return expected?.residueSeconds === undefined ? [] : [expected.residueSeconds]
}
