import {compileC} from '../../harness/bench/compile-c.ts'
import {differences, walk} from '../../harness/bench/matrix.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {missingProgram, temporaryFolder, testUnless} from '../commands/cli.ts'
import {namespaceProblem} from '../namespaces/available.ts'

testUnless(
  nativeOpenerProblem() ?? missingProgram('cc') ?? namespaceProblem,
  'the C program and we are answered alike in every cell, taken evenly from the whole table',
  async (t) => {
    const {signal} = new AbortController()
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
