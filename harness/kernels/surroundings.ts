import type {Kit} from './kit.ts'
import type {Ingredient, Provenance} from './provenance.ts'
import type {Printed} from './results.ts'

/** What a system is measured with. */
export interface Surroundings {
  kit: Kit
  /** Keeps what was fetched. */
  cache: string
  /** For this system alone, and gone afterwards. */
  folder: string
  signal: AbortSignal
  tell(text: string): void
}

/** What measuring a system gives. */
export interface Measured extends Pick<Provenance, 'kernel' | 'machine'> {
  printed: Printed[]
  ingredients: Ingredient[]
}
