import * as z from 'zod'
import {bindOptions} from '../sockets/bind-options.ts'
import {matrixAddresses, matrixResidues, predecessorBinds} from './matrix-schema.ts'
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
  label: z.string().describe('Short, and different for every side'),
  file: z.string().describe('Where it was read'),
  os: z.string().describe('As Node names it'),
  stack: z.string().describe('Whose network stack it is'),
  release: z.string().describe('Of the kernel'),
  arch: z.string().describe('Of the processor'),
  node: z.string().describe('Version of Node'),
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
  'repetitions',
] as const

const answerSchema = z.looseObject({
  status: resultSchema.shape.status.describe('As in the report'),
  reason: z.string().optional().describe('Why it is not as expected'),
  verdict: z
    .enum(['immediate', 'delayed', 'blocked'])
    .nullable()
    .describe('The verdict, null without a bind'),
  waited: z.boolean().describe('False if the wait was cut short'),
  firstError: z
    .looseObject({
      code: z.string().describe('Name of the error'),
      errno: z.int().describe('Its number, positive'),
    })
    .nullable()
    .describe('The first refusal'),
  residue: resultSchema.shape.residue.describe('As in the report'),
  times: count.describe('How often it was played'),
  timesOtherwise: count.describe('How many of those times had another verdict than the first'),
  waitSeconds: range.nullable().describe('Shortest and longest measured wait, in seconds'),
  uncertaintySeconds: seconds
    .nullable()
    .describe('The widest gap between last refusal and grant, in seconds'),
  measuredResidueSeconds: range
    .nullable()
    .describe(
      "In which the kernel's releases lie, by the measurements and their uncertainty, in seconds",
    ),
  expectedResidueSeconds: range
    .nullable()
    .describe('In which they should lie by the rules, in seconds'),
  calls: resultSchema.shape.calls.describe('As in the report'),
  measurements: resultSchema.shape.measurements.describe('As in the report'),
})

const scenarioComparisonSchema = z.looseObject({
  scenario: z.string().describe('Id of the scenario'),
  title: z.string().describe('Its title'),
  answers: z
    .array(answerSchema.nullable())
    .describe('For each side, null if its report has no such scenario'),
  differs: z.array(z.enum(aspects)).describe('In what the sides differ'),
  kinds: z
    .array(count.nullable())
    .optional()
    .describe(
      'A number for each side: sides with the same number answered alike, but for how long the kernel keeps a residue, which is in releases; null if it was not measured',
    ),
  rules: z
    .array(ruleIdSchema.nullable())
    .optional()
    .describe('Id of the rule that decides on each side; null if none is known'),
  why: z.string().nullable().describe('Null if nothing differs'),
})

/** Scenarios that differ for the same reason. */
const reasonSchema = z.looseObject({
  scenarios: z.array(z.string()).describe('Ids of the scenarios'),
  why: z.string().describe('The reason'),
  rules: z.array(z.array(ruleIdSchema)).describe('Ids of the rules that decide, for each side'),
})

/** How long the kernel keeps a residue, over all scenarios for which a side's rules say the same. */
const releaseComparisonSchema = z.looseObject({
  state: z.string().describe('TCP state'),
  scenarios: z
    .array(z.string())
    .optional()
    .describe('Ids of the scenarios that were looked at; absent in documents of earlier releases'),
  releases: z
    .array(
      z
        .looseObject({
          expectedSeconds: range.describe('Least and greatest by the rules, in seconds'),
          measuredSeconds: range.nullable().describe('Least and greatest as measured, in seconds'),
          measurements: count.describe('How many'),
          rule: ruleIdSchema.optional().describe('Id of the rule; see rules'),
          how: z.string().describe('In words'),
          source: z.string().describe('Where the rule was read: file:function'),
        })
        .nullable(),
    )
    .describe('For each side, null if unknown'),
})

const cellGroupSchema = z.looseObject({
  outcomes: z
    .array(z.string().nullable())
    .describe('granted or the error code, for each side; null if it has no such cells'),
  why: z.string().describe('What makes the difference'),
  rules: z
    .array(z.array(ruleIdSchema))
    .optional()
    .describe('Ids of the rules that account for the cells, for each side'),
  count: count.describe('How many cells'),
  examples: z.array(z.string()).describe('Some of them'),
})

const cellComparisonSchema = z.looseObject({
  tables: z
    .array(
      z.looseObject({
        cells: count.describe('In all'),
        granted: count.describe('Granted'),
        refused: count.describe('Refused'),
        agreeing: count.describe('As the rules say'),
        disagreeing: count.describe('Not as the rules say'),
        predicted: z.boolean().describe('True if nothing was tried'),
      }),
    )
    .describe('For each side, how many cells'),
  compared: count.describe('Cells that two sides or more have'),
  same: count.describe('How many of them are the same'),
  differing: count.describe('How many are not'),
  absent: z.array(count).describe('How many cells each side lacks'),
  groups: z.array(cellGroupSchema).describe('The cells that differ, by what makes the difference'),
})

/** What every side answers alike, whichever of these residues, options and addresses it is asked about. */
const bindGuideRowSchema = z.looseObject({
  id: z.string().describe('Name of the row, by the first cell that it stands for'),
  residues: z.array(z.enum(matrixResidues)).describe('What the old server left'),
  predecessors: z.array(z.enum(predecessorBinds)).describe("The old server's bind options"),
  successors: z.array(z.enum(bindOptions)).describe("The new server's bind options"),
  addresses: z
    .array(
      z.looseObject({
        predecessors: z.array(z.enum(matrixAddresses)).describe("The old server's"),
        successors: z.array(z.enum(matrixAddresses)).describe("The new server's"),
      }),
    )
    .describe('Addresses of both servers'),
  outcomes: z
    .array(z.string().nullable())
    .describe('granted or the error code, for each side; null if it has no such cells'),
  rules: z.array(z.array(ruleIdSchema)).describe('Ids of the rules that decide, for each side'),
  cells: count.describe('How many cells it stands for'),
})

const bindGuideSchema = z.looseObject({
  rows: z.array(bindGuideRowSchema).describe('The commonest cases first'),
})

const comparisonShape = z.looseObject({
  format: z.literal('rebind-compare'),
  version: z.literal(1),
  reports: z.array(sideSchema).describe('The sides that are reports'),
  scenarios: z.array(scenarioComparisonSchema).describe('Scenario by scenario'),
  reasons: z
    .array(reasonSchema)
    .optional()
    .describe('The scenarios that differ, grouped by reason'),
  releases: z
    .array(releaseComparisonSchema)
    .describe('How long each side keeps a residue, by state and by what its rules say'),
  matrices: z.array(sideSchema).describe('The sides that are bind tables'),
  cells: cellComparisonSchema.nullable().describe('The bind tables cell by cell, null without any'),
  bindGuide: bindGuideSchema
    .optional()
    .describe('May I bind? What the bind tables of all sides answer; absent without any'),
  rules: ruleTableSchema.optional().describe('The texts of all rules that are named here, by id'),
  notes: z.array(z.string()).describe('What else to know'),
})

/** Where a list has an entry for each side, how many it has, and how many sides there are. */
function listsOfSides({
  reports,
  scenarios,
  reasons = [],
  releases,
  matrices,
  cells,
  bindGuide,
}: z.infer<typeof comparisonShape>) {
  const ofReports = [
    ...scenarios.map(({answers}, index) => ({
      path: ['scenarios', index, 'answers'],
      list: answers,
    })),
    ...scenarios.flatMap(({rules}, index) =>
      rules === undefined ? [] : [{path: ['scenarios', index, 'rules'], list: rules}],
    ),
    ...scenarios.flatMap(({kinds}, index) =>
      kinds === undefined ? [] : [{path: ['scenarios', index, 'kinds'], list: kinds}],
    ),
    ...reasons.map(({rules}, index) => ({path: ['reasons', index, 'rules'], list: rules})),
    ...releases.map((each, index) => ({
      path: ['releases', index, 'releases'],
      list: each.releases,
    })),
  ]
  const ofMatrices = [
    ...(bindGuide?.rows ?? []).flatMap(({outcomes, rules}, index) => [
      {path: ['bindGuide', 'rows', index, 'outcomes'], list: outcomes},
      {path: ['bindGuide', 'rows', index, 'rules'], list: rules},
    ]),
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
  subject: z.string().describe("A scenario's id or a cell of the matrix"),
  kind: z.enum(findingKinds).optional().describe('What is different'),
  rules: z
    .tuple([ruleIdSchema.nullable(), ruleIdSchema.nullable()])
    .optional()
    .describe('Ids of the rules in the baseline and now; null if none is known'),
  text: z.string().describe('What is different, or could not be compared'),
})

/** What `rebind compare --baseline` prints. */
export const judgementSchema = z.looseObject({
  format: z.literal('rebind-compare'),
  version: z.literal(1),
  baseline: z.array(sideSchema).describe('The documents that are compared with'),
  judged: z.array(sideSchema).describe('The documents that are judged'),
  scenarios: count.describe('How many scenarios were compared'),
  cells: count.describe('How many cells were compared'),
  differences: z.array(findingSchema).describe('What is not as in the baseline'),
  notCompared: z.array(findingSchema).describe('What should have been compared and could not be'),
  rules: ruleTableSchema.optional().describe('The texts of all rules that are named here, by id'),
  notes: z.array(z.string()).describe('What else to know'),
})

export type Range = z.infer<typeof range>
export type Aspect = (typeof aspects)[number]
export type Side = z.infer<typeof sideSchema>
export type Answer = z.infer<typeof answerSchema>
export type ScenarioComparison = z.infer<typeof scenarioComparisonSchema>
export type ComparisonReason = z.infer<typeof reasonSchema>
export type ReleaseComparison = z.infer<typeof releaseComparisonSchema>
export type CellComparison = z.infer<typeof cellComparisonSchema>
export type BindGuide = z.infer<typeof bindGuideSchema>
export type BindGuideRow = BindGuide['rows'][number]
export type CellGroup = z.infer<typeof cellGroupSchema>
export type Comparison = z.infer<typeof comparisonSchema>
export type Judgement = z.infer<typeof judgementSchema>
export type FindingKind = (typeof findingKinds)[number]
export type Finding = z.infer<typeof findingSchema>

/** Whether it was made with --baseline. */
export function isJudgement(document: Comparison | Judgement): document is Judgement {
  return 'judged' in document
}
