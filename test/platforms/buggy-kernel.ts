/** What a Linux of some version answers, its known bugs included: documents as its own Rebind would write them. */
import {kernelOf} from '../../harness/documents/host.ts'
import {type Matrix, matrixSchema} from '../../harness/documents/matrix-schema.ts'
import {type Report, reportSchema} from '../../harness/documents/report-schema.ts'
import {cellsOf} from '../../harness/matrix/cells.ts'
import {agreementOf, judged, rulesFor} from '../../harness/matrix/judge.ts'
import {questionOf} from '../../harness/matrix/question.ts'
import {isWithin} from '../../harness/platforms/kernel-version.ts'
import {linux} from '../../harness/platforms/linux.ts'
import type {BindQuestion} from '../../harness/platforms/platform.ts'
import {withKnownBug} from '../../harness/restart/known-bug.ts'
import {granted, reportBy} from '../compare/documents-by-rules.ts'

if (linux.rules === null) throw new Error('Linux has rules')
const {rules} = linux

/** As Debian names its kernels, so that only its upstream version tells what it is. */
function hostOf(kernel: string): Report['host'] {
  return {...reportBy(linux, {ids: []}).content.host, release: '6.1.0-9-amd64', kernel}
}

/** By the table of bugs. */
function answerOf(kernel: string, question: BindQuestion): string {
  const bug = rules.bugs.find(
    ({versions, applies}) =>
      versions.some(({first, last}) => isWithin(kernel, first, last)) && applies(question),
  )
  return bug?.outcome ?? rules.bind(question).outcome
}

export function matrixOn(kernel: string): Matrix {
  const host = hostOf(kernel)
  const cells = cellsOf({}).map((cell) =>
    judged(cell, {observed: answerOf(kernel, questionOf(cell))}, rules, kernelOf(host)),
  )
  return matrixSchema.parse({
    format: 'rebind-matrix',
    version: 1,
    host,
    rules: rulesFor(cells, rules),
    cells,
    agreement: agreementOf(cells),
    wallSeconds: 1,
  })
}

/** A run with `server-closes-first`: plain binds over TIME_WAIT on one address. */
export function reportOn(kernel: string): Report {
  const host = hostOf(kernel)
  const server = {bind: 'none', address: '127.0.0.1'} as const
  const question = {residue: 'TIME_WAIT', predecessor: server, successor: server} as const
  const seen =
    answerOf(kernel, question) === 'granted'
      ? ({
          status: 'unexpected',
          reason: 'granted at once, expected EADDRINUSE',
          bind: granted,
        } as const)
      : {}
  const {content} = reportBy(linux, {results: {'server-closes-first': seen}})
  const results = content.results.map((result) => withKnownBug(result, host))
  return reportSchema.parse({...content, host, results})
}
