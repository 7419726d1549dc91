/** Small parts of the benchmark, for real. */
import {binds} from '../../harness/bench/binds.ts'
import {crowdOf} from '../../harness/bench/crowd.ts'
import {walk} from '../../harness/bench/matrix.ts'
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
  nativeOpenerProblem() ?? namespaceProblem,
  'cells are taken evenly from the whole table, and all of them are tried',
  async (t) => {
    const {seconds, residues, untried} = await walk({cells: 612}, signal)
    t.is(residues.length, 8)
    t.is(untried, 0)
    t.true(seconds > 0)
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
