import type {Comparison} from '../documents/comparison-schema.ts'
import {UsageError} from '../errors.ts'
import {printable} from '../text.ts'
import {bindGuide} from './bind-guide.ts'
import type {ComparableDocument} from './documents.ts'
import {compareMatrices} from './matrices.ts'
import {compareReleases} from './releases.ts'
import {textsOf} from './rules.ts'
import {compareScenarios} from './scenarios.ts'
import {describeSides} from './sides.ts'

/**
 * Documents side by side, reports with reports and matrices with matrices.
 * @throws UsageError if no two are of a kind
 */
export function compare(documents: readonly ComparableDocument[]): Comparison {
  const reports = documents.filter((document) => document.kind === 'report')
  const matrices = documents.filter((document) => document.kind === 'matrix')
  if (reports.length < 2 && matrices.length < 2) {
    const [first] = documents
    throw new UsageError(
      `there is nothing to compare ${printable(first?.file ?? 'nothing')} with; name two reports or two matrices`,
    )
  }
  const sides = reports.length < 2 ? [] : describeSides(reports)
  const labels = sides.map(({label}) => label)
  const single = documents.filter(({kind}) => (kind === 'report' ? reports : matrices).length === 1)
  const {scenarios, reasons} =
    reports.length < 2 ? {scenarios: [], reasons: []} : compareScenarios(reports, labels)
  const releases = reports.length < 2 ? [] : compareReleases(reports)
  const cells = matrices.length < 2 ? null : compareMatrices(matrices)
  const guide = matrices.length < 2 ? undefined : bindGuide(matrices)
  return {
    format: 'rebind-compare',
    version: 1,
    reports: sides,
    scenarios,
    reasons,
    releases,
    matrices: matrices.length < 2 ? [] : describeSides(matrices),
    cells,
    ...(guide === undefined ? {} : {bindGuide: guide}),
    rules: textsOf([
      ...reports.map(({content: {host}}, side) => ({
        host,
        ids: [
          ...scenarios.map(({rules}) => rules?.[side]),
          ...releases.map((release) => release.releases[side]?.rule),
        ],
      })),
      ...matrices.map(({content: {host}}, side) => ({
        host,
        ids: [...(cells?.groups ?? []), ...(guide?.rows ?? [])].flatMap(
          ({rules}) => rules?.[side] ?? [],
        ),
      })),
    ]),
    notes: single.map(({file, kind}) => `${file} is the only ${kind}, and compared with nothing`),
  }
}
