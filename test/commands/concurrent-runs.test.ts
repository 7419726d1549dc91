import test from 'ava'
import {scenarios} from '../../scenarios/index.ts'
import {readReport, runCli, temporaryFolder} from './cli.ts'

test('two runs at the same time, and a third right after them, do not disturb each other', async (t) => {
  const play = async () => {
    const out = temporaryFolder(t)
    const {status, stderr} = await runCli(t, ['run', '--quick', '--out', out])
    t.is(status, 0, stderr)
    const {results} = readReport(out)
    t.is(results.length, Object.keys(scenarios).length)
    // A namespace of a scenario's own has ports of its own.
    return results.flatMap(({scenario, port}) =>
      scenarios[scenario]?.namespace === undefined ? (port ?? []) : [],
    )
  }
  const [first, second] = await Promise.all([play(), play()])
  const third = await play()
  const ports = [...first, ...second, ...third]
  t.true(ports.length > 0)
  t.is(new Set(ports).size, ports.length, 'no port is used twice while its residue may last')
})
