/** Walks cells of the bind table in the network namespace that it was started in, by ourselves or by a C program. */
import {constants} from 'node:os'
import {monotonicSeconds} from '../clock.ts'
import {addressesHere} from '../matrix/addresses.ts'
import {type Cell, cellsOf} from '../matrix/cells.ts'
import {measure} from '../matrix/measure.ts'
import {detectPlatform} from '../platforms/detect.ts'
import {bringLoopbackUp} from '../sockets/loopback.ts'
import {tellResult} from './namespace.ts'
import {outputOf} from './programs.ts'

export interface WalkRequest {
  /** How many; more than the table has are repeated, fewer are taken evenly. */
  cells: number
  /** The path of the compiled matrix-walk.c; null for our own way. */
  program: string | null
}

export interface MatrixWalk {
  /** From the first cell to the last; the start of the program is not counted. */
  seconds: number
  cells: Cell[]
  /** 0 for granted, the error's number, or why a cell could not be tried. */
  answers: (number | string)[]
}

/** They have to lie outside the ephemeral range, where connect() chooses ports for the cells that leave it to it. */
const portsOfC = ['1024', '32767']

await tellResult(async (): Promise<MatrixWalk> => {
  const {cells: count, program}: WalkRequest = JSON.parse(process.argv[2] ?? '')
  bringLoopbackUp()
  const {available} = addressesHere()
  const table = cellsOf({addresses: available})
  const cells = Array.from(
    {length: count},
    (_, index) => table[Math.floor((index * table.length) / count)],
  ).filter((cell) => cell !== undefined)
  return program === null ? walkOurselves(cells, available) : walkByC(cells, program)
})

async function walkOurselves(cells: Cell[], available: readonly string[]): Promise<MatrixWalk> {
  const platform = detectPlatform()
  const settings = await platform.readSettings()
  const {signal} = new AbortController()
  const from = monotonicSeconds()
  const observations = await measure({cells, platform, settings, available, signal})
  const seconds = monotonicSeconds() - from
  const answers = observations.map((observation) => {
    if ('reason' in observation) return observation.reason
    const {observed} = observation
    return observed === 'granted'
      ? 0
      : (constants.errno[observed as keyof typeof constants.errno] ?? observed)
  })
  return {seconds, cells, answers}
}

async function walkByC(cells: Cell[], program: string): Promise<MatrixWalk> {
  const lines = cells.map(({residue, predecessor, successor}) =>
    [residue, predecessor.bind, predecessor.address, successor.bind, successor.address].join(' '),
  )
  const said = await outputOf([program, ...portsOfC], {input: `${lines.join('\n')}\n`})
  const numbers = said.trim().split('\n').map(Number)
  return {seconds: (numbers.pop() ?? 0) / 1e9, cells, answers: numbers}
}
