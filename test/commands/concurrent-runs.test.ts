import test from 'ava'
import {readReport, runCli, temporaryFolder} from './cli.ts'

/** Enough residues of every kind to be in each other's way; a namespace has ports of its own. */
const ids = [
  'server-closes-first',
  'server-closes-first-node',
  'client-never-closes',
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
  for (const ports of [first, second, third]) t.true(ports.length >= ids.length)
  // The third may have a port of theirs: one on which nothing was left. That it plays as expected says so.
  const atOnce = [...first, ...second]
  t.is(new Set(atOnce).size, atOnce.length, 'no port is used by both')
  t.is(new Set(third).size, third.length, 'no port is used twice')
})
