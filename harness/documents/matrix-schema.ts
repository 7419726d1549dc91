import * as z from 'zod'
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
  residue: z
    .enum(matrixResidues)
    .describe('What is left on the port; outgoing-: a client socket with that local port'),
  predecessor: z
    .looseObject({
      bind: z
        .enum(predecessorBinds)
        .describe('Its bind options; autobind: the port was chosen by connect()'),
      address: z
        .enum(matrixAddresses)
        .describe('The address it is bound to; dual: :: without IPV6_V6ONLY'),
    })
    .describe('The socket before'),
  successor: z
    .looseObject({
      bind: z.enum(bindOptions).describe('Its bind options'),
      address: z.enum(matrixAddresses).describe('The address it binds'),
    })
    .describe('The socket that tries to bind'),
  observed: z.string().nullable().describe('granted or the error code; null if it was not tried'),
  expected: z
    .string()
    .nullable()
    .describe('granted or the error code, by the rules; null without rules'),
  agrees: z.boolean().nullable().describe('Whether both are the same; null if one is unknown'),
  reason: z.string().optional().describe('Why it could not be tried'),
  rule: ruleIdSchema
    .or(ruleTextSchema)
    .optional()
    .describe('Id of the rule that is expected to hold; earlier releases wrote its texts'),
  bug: ruleIdSchema
    .optional()
    .describe('Id of the known bug of this kernel by which it disagrees; see rules'),
})

/** The shape of matrix.json. Objects are open, as in report.json. */
export const matrixSchema = z.looseObject({
  format: z.literal('rebind-matrix'),
  version: z.literal(1),
  host: hostSchema,
  rules: z
    .looseObject({
      version: z.string().describe('Of the system whose source was read'),
      measured: z.boolean().describe('Whether they were ever compared with such a system'),
      checked: z.string().optional().describe('How they were checked, if not on such a system'),
    })
    .nullable()
    .optional()
    .describe(
      'Where the expectations come from, and the text of each rule by id; null without rules',
    ),
  predicted: z
    .boolean()
    .optional()
    .describe('True if nothing was tried: what the rules say, of any platform'),
  interrupted: z.string().optional().describe('The signal that ended the trials early'),
  leftOut: z
    .array(
      z.looseObject({
        address: z.enum(matrixAddresses).describe('The address'),
        reason: z.string().describe('Why it is not available'),
      }),
    )
    .optional()
    .describe('Addresses that this machine does not have; there are no cells for them'),
  cells: z.array(cellSchema).describe('A cell per combination'),
  agreement: z
    .looseObject({
      agreeing: z.int().nonnegative().describe('Observed as expected'),
      disagreeing: z.int().nonnegative().describe('Observed differently from expected'),
      unknown: z.int().nonnegative().describe('Not tried, or without a rule'),
    })
    .describe('How many cells'),
  wallSeconds: z.number().nonnegative().describe('How long it took, in seconds'),
})

export type Matrix = z.infer<typeof matrixSchema>
export type MatrixCell = Matrix['cells'][number]
export type MatrixResidue = (typeof matrixResidues)[number]
export type MatrixAddress = (typeof matrixAddresses)[number]
