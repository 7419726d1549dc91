import {z} from 'zod'
import {bindOptions} from '../sockets/bind-options.ts'
import {hostSchema} from './report-schema.ts'
import {ruleIdSchema, ruleTextSchema} from './rules.ts'

/** What is left on the port of a matrix cell; `outgoing-` is a client socket with that local port. */
export const matrixResidues = [
  'none',
  'LISTEN',
  'ESTABLISHED',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE_WAIT',
  'outgoing-ESTABLISHED',
  'outgoing-TIME_WAIT',
] as const

/** The addresses of either side, in the order in which they are shown. */
export const matrixAddresses = ['127.0.0.1', '0.0.0.0', '127.0.0.2', '::1', '::', 'dual'] as const

/** How the predecessor of an outgoing residue came by its port: by connect(), or bound before it. */
export const predecessorBinds = [...bindOptions, 'autobind'] as const

const cellSchema = z.looseObject({
  residue: z.enum(matrixResidues),
  predecessor: z.looseObject({bind: z.enum(predecessorBinds), address: z.enum(matrixAddresses)}),
  successor: z.looseObject({bind: z.enum(bindOptions), address: z.enum(matrixAddresses)}),
  /** `granted` or the error code; null if it was not tried (--predict). */
  observed: z.string().nullable(),
  /** Null on an operating system without rules. */
  expected: z.string().nullable(),
  agrees: z.boolean().nullable(),
  /** Why it could not be tried. */
  reason: z.string().optional(),
  /**
   * The rule that is expected to hold. Earlier releases wrote its texts, and only where the cell disagrees; absent
   * on an operating system without rules.
   */
  rule: ruleIdSchema.or(ruleTextSchema).optional(),
})

/** The shape of matrix.json. Objects are open, as in report.json. */
export const matrixSchema = z.looseObject({
  format: z.literal('rebind-matrix'),
  version: z.literal(1),
  host: hostSchema,
  /**
   * Where the expectations come from, and whether they were ever compared with such a system; and by its id the
   * text of each rule that a cell names.
   */
  rules: z.looseObject({version: z.string(), measured: z.boolean()}).nullable().optional(),
  /** True if nothing was tried: what the rules say, of whatever platform. */
  predicted: z.boolean().optional(),
  /** The signal that ended the trials early. */
  interrupted: z.string().optional(),
  /** Addresses that this machine does not have; there are no cells of them. */
  leftOut: z
    .array(z.looseObject({address: z.enum(matrixAddresses), reason: z.string()}))
    .optional(),
  cells: z.array(cellSchema),
  agreement: z.looseObject({
    agreeing: z.int().nonnegative(),
    disagreeing: z.int().nonnegative(),
    unknown: z.int().nonnegative(),
  }),
  wallSeconds: z.number().nonnegative(),
})

export type Matrix = z.infer<typeof matrixSchema>
export type MatrixCell = Matrix['cells'][number]
export type MatrixResidue = (typeof matrixResidues)[number]
export type MatrixAddress = (typeof matrixAddresses)[number]
