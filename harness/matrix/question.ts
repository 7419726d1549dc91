import type {MatrixCell, MatrixResidue} from '../documents/matrix-schema.ts'
import type {BindQuestion} from '../platforms/platform.ts'
import type {TcpState} from '../platforms/tcp-states.ts'

/** Residue words are TCP states, with this before the state of a connection that the port's owner made. */
const outgoingPrefix = 'outgoing-'

/** The state of a residue, and whether its connection is an outgoing one. */
export function residueState(residue: MatrixResidue): {
  state: TcpState | 'none'
  outgoing: boolean
} {
  const outgoing = residue.startsWith(outgoingPrefix)
  const state = outgoing ? residue.slice(outgoingPrefix.length) : residue
  return {state: state as TcpState | 'none', outgoing}
}

/** What a cell of the matrix asks a platform's rules. */
export function questionOf({
  residue,
  predecessor,
  successor,
}: Pick<MatrixCell, 'residue' | 'predecessor' | 'successor'>): BindQuestion {
  const {state, outgoing} = residueState(residue)
  return {residue: state, predecessor, successor, outgoing}
}
