import {describePlatform} from '../documents/host.ts'
import {type Matrix, matrixSchema} from '../documents/matrix-schema.ts'
import type {Platform, Rules} from '../platforms/platform.ts'
import {type CellFilter, cellsOf} from './cells.ts'
import {agreementOf, judged, rulesFor} from './judge.ts'

/** What a platform's rules say, whatever machine this is. */
export function predictedMatrix(platform: Platform, filter: CellFilter = {}): Matrix {
  const {rules} = platform
  return matrixDocument({
    host: describePlatform(platform),
    rules,
    predicted: true,
    cells: cellsOf(filter).map((cell) => judged(cell, undefined, rules)),
    leftOut: [],
    wallSeconds: 0,
  })
}

/** The document of these cells, with what follows from them. */
export function matrixDocument({
  rules,
  ...rest
}: Omit<Matrix, 'format' | 'version' | 'agreement' | 'rules'> & {rules: Rules | null}): Matrix {
  const cells = rest.cells as Matrix['cells']
  return matrixSchema.parse({
    format: 'rebind-matrix',
    version: 1,
    ...rest,
    rules: rulesFor(cells, rules),
    agreement: agreementOf(cells),
  })
}
