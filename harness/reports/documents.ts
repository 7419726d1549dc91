import type {Comparison, Judgement} from './comparison-schema.ts'
import type {Matrix} from './matrix-schema.ts'
import type {Report} from './schema.ts'

/** Every JSON document that a run folder may hold. */
export type RunDocument = Report | Matrix | Comparison | Judgement
