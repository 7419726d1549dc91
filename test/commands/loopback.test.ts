import {readFileSync, writeFileSync} from 'node:fs'
import test from 'ava'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {readProcNetTcp} from '../../harness/platforms/proc-net-tcp.ts'
import {findHolders} from '../../harness/platforms/proc-processes.ts'
import {livingBelow} from '../../harness/processes/process-table.ts'
import {scenarios} from '../../scenarios/index.ts'
import {writeMarkedScenario} from '../faults/marked-scenario.ts'
import {startCli, temporaryFolder, testUnless} from './cli.ts'

const withoutProc =
  detectPlatform().stack === 'linux' ? undefined : 'this test wants the /proc of Linux'

const isLoopback = (address: string) => /^(127\.|::1$|::ffff:127\.)/.test(address)

/** They are about wildcard addresses, and say so in their steps' names and claims. */
const askForMore = [
  'beside-live-wildcard',
  'dual-stack-over-ipv4',
  'specific-over-wildcard-time-wait',
  'wildcard-over-time-wait',
]

test('no scenario asks for more than loopback, but those about wildcards', (t) => {
  const asking = Object.entries(scenarios).filter(([, {predecessor, successor}]) =>
    [predecessor.address, successor?.address].some(
      (address) => address !== undefined && !isLoopback(address),
    ),
  )
  t.deepEqual([...new Set(asking.map(([id]) => id.split('/')[0]))].sort(), askForMore)
})

testUnless(
  withoutProc,
  "a run's processes listen on loopback only, as the kernel's own table shows",
  async (t) => {
    const out = temporaryFolder(t)
    const {file, mark} = writeMarkedScenario(temporaryFolder(t))
    const cli = startCli(t, ['run', '--scenario', file, '--out', out])
    // Its predecessor goes on listening until the run is told to end it.
    await cli.shows(/marked: EADDRINUSE/)
    const pids = [cli.pid, ...livingBelow(cli.pid)]
    const listeners = (await readProcNetTcp()).filter(({state}) => state === 'LISTEN')
    const udp = readFileSync('/proc/net/udp', 'latin1').split('\n').slice(1)
    const locks = udp.map((line) => line.trim().split(/\s+/)).filter((fields) => fields.length > 9)
    const {byInode} = findHolders(
      new Set([
        ...listeners.flatMap(({inode}) => inode ?? []),
        ...locks.map((fields) => Number(fields[9])),
      ]),
    )
    const isOurs = (inode: number | undefined) =>
      byInode.get(inode ?? 0)?.some(({pid}) => pids.includes(pid)) === true
    const addresses = listeners.flatMap(({inode, local}) => (isOurs(inode) ? local.address : []))
    t.true(addresses.length > 0, 'the predecessor listens')
    t.true(addresses.every(isLoopback), addresses.join(', '))
    const locked = locks.flatMap((fields) => (isOurs(Number(fields[9])) ? (fields[1] ?? '') : []))
    t.true(locked.length > 0, 'a block of ports is locked')
    t.true(
      locked.every((end) => end.startsWith('0100007F:')),
      locked.join(', '),
    )
    writeFileSync(mark, '')
    const {status, stderr} = await cli.ended
    t.is(status, 0, stderr)
  },
)
