import {kernelOf} from '../documents/host.ts'
import {type Matrix, matrixAddresses, matrixResidues} from '../documents/matrix-schema.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {addressesHere} from '../matrix/addresses.ts'
import {type CellFilter, cellsOf} from '../matrix/cells.ts'
import {judged} from '../matrix/judge.ts'
import {measure} from '../matrix/measure.ts'
import {matrixDocument, predictedMatrix} from '../matrix/predict.ts'
import {detectPlatform, platformsWithRules} from '../platforms/detect.ts'
import type {Platform} from '../platforms/platform.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {type OutputOptions, openOutputs, reportAtOnce} from './outputs.ts'
import {inSession} from './session.ts'

export interface MatrixOptions extends OutputOptions {
  out: string
  label?: string
  quiet?: boolean
  residue?: string[]
  address?: string[]
  platform?: string
  predict?: boolean
}

/** `rebind matrix`: tries every combination of residue, predecessor and successor, and judges it. */
export async function matrix(options: MatrixOptions): Promise<number> {
  const filter: CellFilter = {
    residues: chosen('residue', options.residue, matrixResidues),
    addresses: chosen('address', options.address, matrixAddresses),
  }
  if (options.predict === true) {
    const document = predictedMatrix(predictedPlatform(options.platform), filter)
    return reportAtOnce(document, await openOutputs(options))
  }
  if (options.platform !== undefined) {
    throw new UsageError(
      '--platform needs --predict: only the operating system of this machine can be measured',
    )
  }
  return measureHere(filter, options)
}

async function measureHere(filter: CellFilter, options: MatrixOptions): Promise<number> {
  const outputs = await openOutputs(options)
  const problem = nativeOpenerProblem()
  if (problem !== undefined) {
    process.stderr.write(`rebind: the matrix cannot be measured here: ${problem}\n`)
    return exitStatus.failed
  }
  const {available, leftOut} = addressesHere()
  const wanted = (address: (typeof matrixAddresses)[number]) =>
    filter.addresses?.includes(address) ?? true
  const cells = cellsOf({...filter, addresses: available.filter(wanted)})
  if (cells.length === 0) {
    const reasons = leftOut.filter(({address}) => wanted(address)).map(({reason}) => reason)
    process.stderr.write(`rebind: this machine has none of the addresses: ${reasons.join('; ')}\n`)
    return exitStatus.failed
  }
  const {out, quiet, label} = options
  return inSession({out, outputs, quiet, label}, async (session) => {
    const {platform, settings, host, ended} = session
    session.tell(`Trying ${cells.length} cells, each on a port of its own`)
    const observations = await measure({
      ...{cells, platform, settings, available},
      signal: session.interruption,
    })
    const document = matrixDocument({
      host,
      rules: platform.rules,
      cells: cells.map((cell, index) =>
        judged(cell, observations[index], platform.rules, kernelOf(host)),
      ),
      leftOut: leftOut.filter(({address}) => wanted(address)),
      ...session.interrupted(),
      wallSeconds: ended(),
    })
    return {documents: [document], status: statusOf(document)}
  })
}

/** What differs from the rules weighs more than what could not be tried. */
export function statusOf({agreement, cells}: Matrix): number {
  if (agreement.disagreeing > 0) return exitStatus.unexpected
  if (cells.some(({observed}) => observed === null)) return exitStatus.failed
  return exitStatus.asExpected
}

/** @throws UsageError for a word that is none of the known ones */
function chosen<Word extends string>(
  option: string,
  given: readonly string[] | undefined,
  known: readonly Word[],
): readonly Word[] {
  if (given === undefined) return known
  const unknown = given.find((word) => !known.includes(word as Word))
  if (unknown !== undefined) {
    throw new UsageError(`unknown ${option} "${unknown}"; it is one of ${known.join(', ')}`)
  }
  return known.filter((word) => given.includes(word))
}

/** @throws UsageError for a platform without rules */
function predictedPlatform(name: string | undefined): Platform {
  const platform =
    name === undefined ? detectPlatform() : platformsWithRules.find(({stack}) => stack === name)
  if (platform === undefined || platform.rules === null) {
    const known = platformsWithRules.map(({stack}) => stack).join(', ')
    throw new UsageError(
      name === undefined
        ? `no rules are known for this operating system; choose --platform ${known}`
        : `unknown platform "${name}"; it is one of ${known}`,
    )
  }
  return platform
}
