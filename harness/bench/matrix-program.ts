/** Tries cells of the bind table in the network namespace that it was started in. */
import {monotonicSeconds} from '../clock.ts'
import {addressesHere} from '../matrix/addresses.ts'
import {cellsOf} from '../matrix/cells.ts'
import {measure} from '../matrix/measure.ts'
import {detectPlatform} from '../platforms/detect.ts'
import {bringLoopbackUp} from '../sockets/loopback.ts'
import {tellResult} from './namespace.ts'

export interface WalkRequest {
  /** How many; if the table has fewer, cells are repeated; if it has more, they are chosen at equal distances. */
  cells: number
}

export interface MatrixWalk {
  /** From the first cell to the last; the start of the program is not counted. */
  seconds: number
  residues: string[]
  untried: number
}

await tellResult(async (): Promise<MatrixWalk> => {
  const {cells: count}: WalkRequest = JSON.parse(process.argv[2] ?? '')
  bringLoopbackUp()
  const {available} = addressesHere()
  const table = cellsOf({addresses: available})
  const cells = Array.from(
    {length: count},
    (_, index) => table[Math.floor((index * table.length) / count)],
  ).filter((cell) => cell !== undefined)
  const platform = detectPlatform()
  const settings = await platform.readSettings()
  const {signal} = new AbortController()
  const from = monotonicSeconds()
  const observations = await measure({cells, platform, settings, available, signal})
  return {
    seconds: monotonicSeconds() - from,
    residues: [...new Set(cells.map(({residue}) => residue))],
    untried: count - observations.filter((observation) => 'observed' in observation).length,
  }
})
