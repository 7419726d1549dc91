import test from 'ava'
import {readReport, runCli, temporaryFolder} from './cli.ts'

/** Enough residues of every kind to be in each other's way; a namespace has ports of its own. */
const ids = [
  'server-closes-first',
  'server-closes-first-node',
  'reuseport-only',
  'client-closes-first',
  'client-never-closes',
  'server-killed',
  'old-server-still-listening',
  'connection-outlives-server',
  'ipv6-time-wait',
  'outgoing-connection-holds-port',
]

test('two runs at the same time, and a third right after them, do not disturb each other', async (t) => {
  const play = async () => {
    const out = temporaryFolder(t)
    const {status, stderr} = await runCli(t, ['run', ...ids, '--quick', '--out', out])
    t.is(status, 0, stderr)
    return readReport(out).results.flatMap(({port}) => port ?? [])
  }
  const [first, second] = await Promise.all([play(), play()])
  const third = await play()
  const ports = [...first, ...second, ...third]
  t.true(ports.length >= 3 * ids.length)
  t.is(new Set(ports).size, ports.length, 'no port is used twice while its residue may last')
})
