import {
  type MatrixAddress,
  type MatrixCell,
  type MatrixResidue,
  matrixAddresses,
  matrixResidues,
  predecessorBinds,
} from '../documents/matrix-schema.ts'
import {bindOptions} from '../sockets/bind-options.ts'
import {residueState} from './question.ts'

/** One cell of the table, before anything is known about it. */
export type Cell = Pick<MatrixCell, 'residue' | 'predecessor' | 'successor'>

export interface CellFilter {
  residues?: readonly MatrixResidue[]
  /** Both sides' addresses are of these. */
  addresses?: readonly MatrixAddress[]
}

/** Every residue x predecessor x successor, in the order in which they are shown. */
export function cellsOf({
  residues = matrixResidues,
  addresses = matrixAddresses,
}: CellFilter): Cell[] {
  const shown = matrixAddresses.filter((address) => addresses.includes(address))
  const successors = shown.flatMap((address) => bindOptions.map((bind) => ({bind, address})))
  return matrixResidues
    .filter((residue) => residues.includes(residue))
    .flatMap((residue) =>
      shown.flatMap((address) =>
        bindsOf(residue).flatMap((bind) =>
          successors.map((successor) => ({residue, predecessor: {bind, address}, successor})),
        ),
      ),
    )
}

/** Only a connection that goes out can do without bind(). */
export function bindsOf(residue: MatrixResidue): Cell['predecessor']['bind'][] {
  return predecessorBinds.filter((bind) => bind !== 'autobind' || residueState(residue).outgoing)
}
