/** Small parts of the benchmark, for real. */
import {binds} from '../../harness/bench/binds.ts'
import {compileC} from '../../harness/bench/compile-c.ts'
import {crowdOf} from '../../harness/bench/crowd.ts'
import {differences, walk} from '../../harness/bench/matrix.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {missingProgram, temporaryFolder, testUnless} from '../commands/cli.ts'
import {namespaceProblem} from '../namespaces/available.ts'

const {signal} = new AbortController()

testUnless(
  nativeOpenerProblem() ?? missingProgram('cc') ?? missingProgram('python3'),
  'attempts are measured through the native opener, from C and from Python, refused and granted',
  async (t) => {
    const {rows} = await binds({
      quick: true,
      signal,
      scratch: temporaryFolder(t),
      tell: () => undefined,
    })
    t.true(rows.some(({what}) => what.startsWith('refused over TIME_WAIT')))
    t.true(rows.some(({what}) => what.startsWith('granted over TIME_WAIT')))
    for (const {what, ours, baseline, ratio, reason} of rows) {
      t.true((ours ?? 0) > 0 && (baseline?.value ?? 0) > 0 && (ratio ?? 0) > 0, what)
      t.is(reason, undefined)
    }
  },
)

testUnless(
  nativeOpenerProblem() ?? missingProgram('cc') ?? namespaceProblem,
  'the C program and we are answered alike in every cell, taken evenly from the whole table',
  async (t) => {
    const compiled = await compileC('matrix-walk', temporaryFolder(t), signal)
    if ('problem' in compiled) throw new Error(compiled.problem)
    const cells = 612
    const [own, other] = await Promise.all([
      walk({cells, program: null}, signal),
      walk({cells, program: compiled.path}, signal),
    ])
    t.is(own.answers.length, cells)
    t.is(other.answers.length, cells)
    t.is(new Set(own.cells.map(({residue}) => residue)).size, 8)
    // Both granted and refused ones are among them.
    t.true(new Set(own.answers).size > 1)
    t.deepEqual(differences(own, other), [])
  },
)

testUnless(
  nativeOpenerProblem() ?? namespaceProblem,
  'a crowd has as many TIME_WAIT sockets as were wanted, and is tried with every option',
  async (t) => {
    const request = {wanted: 60, clientAddresses: 3, tries: 3, whys: 0}
    const crowd = await crowdOf(request, signal)
    t.is(crowd.reached, 60)
    t.is(crowd.why, null)
    t.is(crowd.binds.length, 4 * 2)
    for (const {bind, outcome, medianSeconds} of crowd.binds) {
      t.is(outcome, bind === 'none' ? 'EADDRINUSE' : 'granted', bind)
      t.true(medianSeconds > 0)
    }
  },
)
