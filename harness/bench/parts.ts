import {binds} from './binds.ts'
import {cost} from './cost.ts'
import {crowd} from './crowd.ts'
import {matrix} from './matrix.ts'
import type {Part} from './part.ts'
import {suite} from './suite.ts'
import {uncertainty} from './uncertainty.ts'

/** The parts of the benchmark, in the order in which they are measured: never two at the same time. */
export const parts: readonly Part[] = [
  {number: 1, name: 'binds', title: 'Bind attempts', measure: binds},
  {number: 2, name: 'suite', title: 'The whole suite', measure: suite},
  {number: 3, name: 'uncertainty', title: 'Uncertainty of the release', measure: uncertainty},
  {number: 4, name: 'matrix', title: 'Cells of the bind table', measure: matrix},
  {number: 5, name: 'crowd', title: 'Restart over a crowded port', measure: crowd},
  {number: 6, name: 'cost', title: 'Cost of the tool', measure: cost},
]
