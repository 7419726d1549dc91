import {z} from 'zod'
import {resultSchema} from './report-schema.ts'
import {ruleIdSchema, ruleTableSchema} from './rules.ts'

/**
 * The shape of what `rebind compare --json` prints. Objects are open, as in report.json; `sides` are in the
 * order in which the documents were named, and so is everything that is said for each side.
 */
const seconds = z.number().nonnegative()
const count = z.int().nonnegative()
const range = z.tuple([seconds, seconds])

const sideSchema = z.looseObject({
  /** Short, and different for every side. */
  label: z.string(),
  file: z.string(),
  os: z.string(),
  stack: z.string(),
  release: z.string(),
  arch: z.string(),
  node: z.string(),
})

/** What a scenario can differ in. */
export const aspects = [
  'servers',
  'residue',
  'grant',
  'verdict',
  'error',
  'errno',
  'wait',
  'calls',
  'measurements',
] as const

const answerSchema = z.looseObject({
  status: resultSchema.shape.status,
  reason: z.string().optional(),
  verdict: z.enum(['immediate', 'delayed', 'blocked']).nullable(),
  waited: z.boolean(),
  firstError: z.looseObject({code: z.string(), errno: z.int()}).nullable(),
  residue: resultSchema.shape.residue,
  /** How often it was played. */
  times: count,
  /** How many of those times had another verdict than the first. */
  timesOtherwise: count,
  /** From the shortest to the longest measured wait; one measurement is a range without width. */
  waitSeconds: range.nullable(),
  /** The widest gap between last refused and granted attempt. */
  uncertaintySeconds: seconds.nullable(),
  /** In which the kernel's releases lie, by the measurements and their uncertainty. */
  measuredResidueSeconds: range.nullable(),
  /** In which they are to lie, by the rules of this OS. */
  expectedResidueSeconds: range.nullable(),
  calls: resultSchema.shape.calls,
  measurements: resultSchema.shape.measurements,
})

const scenarioComparisonSchema = z.looseObject({
  scenario: z.string(),
  title: z.string(),
  /** Null where the report has no such scenario. */
  answers: z.array(answerSchema.nullable()),
  differs: z.array(z.enum(aspects)),
  /**
   * The rule that decides on each side; null where none is known. Like everything else about rules, absent in
   * documents of earlier releases.
   */
  rules: z.array(ruleIdSchema.nullable()).optional(),
  /** Null where nothing differs. */
  why: z.string().nullable(),
})

/** Scenarios that differ for the same reason. */
const reasonSchema = z.looseObject({
  scenarios: z.array(z.string()),
  why: z.string(),
  /** The rules that decide in them, for each side. */
  rules: z.array(z.array(ruleIdSchema)),
})

/** How long the kernel keeps a residue, over all scenarios of a report. */
const releaseComparisonSchema = z.looseObject({
  state: z.string(),
  releases: z.array(
    z
      .looseObject({
        expectedSeconds: range,
        measuredSeconds: range.nullable(),
        measurements: count,
        rule: ruleIdSchema.optional(),
        how: z.string(),
        source: z.string(),
      })
      .nullable(),
  ),
})

const cellGroupSchema = z.looseObject({
  /** `granted` or the error code, for each side; null where the side has no such cells. */
  outcomes: z.array(z.string().nullable()),
  why: z.string(),
  /** The rules that account for the cells, for each side. */
  rules: z.array(z.array(ruleIdSchema)).optional(),
  count,
  examples: z.array(z.string()),
})

const cellComparisonSchema = z.looseObject({
  tables: z.array(
    z.looseObject({
      cells: count,
      granted: count,
      refused: count,
      agreeing: count,
      disagreeing: count,
      predicted: z.boolean(),
    }),
  ),
  /** Cells that two sides or more have. */
  compared: count,
  same: count,
  differing: count,
  /** Cells that some sides lack, for each side. */
  absent: z.array(count),
  groups: z.array(cellGroupSchema),
})

const comparisonShape = z.looseObject({
  format: z.literal('rebind-compare'),
  version: z.literal(1),
  reports: z.array(sideSchema),
  scenarios: z.array(scenarioComparisonSchema),
  /** The scenarios that differ, by why they do. */
  reasons: z.array(reasonSchema).optional(),
  releases: z.array(releaseComparisonSchema),
  matrices: z.array(sideSchema),
  cells: cellComparisonSchema.nullable(),
  /** The texts of all rules that are named, of whichever side. */
  rules: ruleTableSchema.optional(),
  notes: z.array(z.string()),
})

/** Where a list has an entry for each side, how many it has, and how many sides there are. */
function listsOfSides({
  reports,
  scenarios,
  reasons = [],
  releases,
  matrices,
  cells,
}: z.infer<typeof comparisonShape>) {
  const ofReports = [
    ...scenarios.map(({answers}, index) => ({
      path: ['scenarios', index, 'answers'],
      list: answers,
    })),
    ...scenarios.flatMap(({rules}, index) =>
      rules === undefined ? [] : [{path: ['scenarios', index, 'rules'], list: rules}],
    ),
    ...reasons.map(({rules}, index) => ({path: ['reasons', index, 'rules'], list: rules})),
    ...releases.map((each, index) => ({
      path: ['releases', index, 'releases'],
      list: each.releases,
    })),
  ]
  const ofMatrices = [
    ...(cells === null ? [] : [{path: ['cells', 'tables'], list: cells.tables}]),
    ...(cells === null ? [] : [{path: ['cells', 'absent'], list: cells.absent}]),
    ...(cells?.groups ?? []).map(({outcomes}, index) => ({
      path: ['cells', 'groups', index, 'outcomes'],
      list: outcomes,
    })),
    ...(cells?.groups ?? []).flatMap(({rules}, index) =>
      rules === undefined ? [] : [{path: ['cells', 'groups', index, 'rules'], list: rules}],
    ),
  ]
  return [
    ...ofReports.map((each) => ({...each, sides: reports.length})),
    ...ofMatrices.map((each) => ({...each, sides: matrices.length})),
  ]
}

export const comparisonSchema = comparisonShape.check(({value, issues}) => {
  for (const {path, list, sides} of listsOfSides(value)) {
    if (list.length === sides) continue
    const message = `${list.length} entries for ${sides} sides`
    issues.push({code: 'custom', path, message, input: list})
  }
})

/** What a judged run can differ in from its baseline, or why it cannot be compared. */
const findingKinds = [
  'missing',
  'not-measured',
  'servers',
  'bind',
  'residue',
  'grant',
  'error',
  'wait',
  'counts',
  'repetitions',
  'cell',
] as const

const findingSchema = z.looseObject({
  /** A scenario's id or a cell of the matrix. */
  subject: z.string(),
  /** This and the rules are absent in documents of earlier releases. */
  kind: z.enum(findingKinds).optional(),
  /** The rules that decide in the baseline and now; null where none is known. */
  rules: z.tuple([ruleIdSchema.nullable(), ruleIdSchema.nullable()]).optional(),
  text: z.string(),
})

/** What `rebind compare --baseline` prints. */
export const judgementSchema = z.looseObject({
  format: z.literal('rebind-compare'),
  version: z.literal(1),
  baseline: z.array(sideSchema),
  judged: z.array(sideSchema),
  scenarios: count,
  cells: count,
  differences: z.array(findingSchema),
  /** What should have been compared and could not be. */
  notCompared: z.array(findingSchema),
  rules: ruleTableSchema.optional(),
  notes: z.array(z.string()),
})

export type Range = z.infer<typeof range>
export type Aspect = (typeof aspects)[number]
export type Side = z.infer<typeof sideSchema>
export type Answer = z.infer<typeof answerSchema>
export type ScenarioComparison = z.infer<typeof scenarioComparisonSchema>
export type ComparisonReason = z.infer<typeof reasonSchema>
export type ReleaseComparison = z.infer<typeof releaseComparisonSchema>
export type CellComparison = z.infer<typeof cellComparisonSchema>
export type CellGroup = z.infer<typeof cellGroupSchema>
export type Comparison = z.infer<typeof comparisonSchema>
export type Judgement = z.infer<typeof judgementSchema>
export type FindingKind = (typeof findingKinds)[number]
export type Finding = z.infer<typeof findingSchema>

/** Whether it was made with --baseline. */
export function isJudgement(document: Comparison | Judgement): document is Judgement {
  return 'judged' in document
}
