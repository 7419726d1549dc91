import type {WhyProcess} from '../documents/why-schema.ts'
import type {Holder} from '../platforms/socket-holders.ts'

/** A process as documents have it. */
export function processFields({details, ...known}: Holder): WhyProcess {
  return {...known, ...details}
}
