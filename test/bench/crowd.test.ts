import {crowdOf} from '../../harness/bench/crowd.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {testUnless} from '../commands/cli.ts'
import {namespaceProblem} from '../namespaces/available.ts'

testUnless(
  nativeOpenerProblem() ?? namespaceProblem,
  'a crowd has as many TIME_WAIT sockets as were wanted, and is tried with every option',
  async (t) => {
    const {signal} = new AbortController()
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
