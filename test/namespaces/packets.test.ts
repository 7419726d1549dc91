import {readFileSync} from 'node:fs'
import {connect, createServer} from 'node:net'
import test, {type ExecutionContext} from 'ava'
import {monotonicSeconds} from '../../harness/clock.ts'
import {pcapRecords} from '../../harness/documents/pcap.ts'
import {surroundingsOpener} from '../../harness/namespaces/open-surroundings.ts'
import type {Surroundings, TakenPackets} from '../../harness/namespaces/surroundings.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {parseTcpPacket} from '../../harness/platforms/tcp-packet.ts'
import {compileActor} from '../../harness/processes/compile.ts'
import type {NamespaceSpec} from '../../harness/scenario.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {isActorRunning, testUnless} from '../commands/cli.ts'
import {namespaceProblem, packetFilterProblem} from './available.ts'

let program = ''
let dispose = async () => {}

test.before(async () => {
  const compiled = await compileActor()
  program = compiled.path
  dispose = compiled.dispose
})
test.after.always(() => dispose())

const problem = namespaceProblem ?? nativeOpenerProblem()

function opener(t: ExecutionContext) {
  const running = new Map<string, number>()
  const surroundings = surroundingsOpener({
    ...{program, platform: detectPlatform(), allowHostSettings: false, capturesPackets: true},
    onHost: (kind, pid, ending) => {
      if (ending === undefined) running.set(kind, pid)
      else if (running.get(kind) === pid) running.delete(kind)
    },
  })
  t.teardown(() => surroundings.close())
  const shared = async () => inside(await surroundings.openShared())
  const own = async (spec: NamespaceSpec = {}) =>
    inside(await surroundings.open(spec, {onProcess: () => undefined}))
  return {shared, own, running, surroundings}
}

function inside({namespace, close}: Surroundings) {
  if (namespace?.takePackets === undefined) throw new Error('nothing is captured')
  return {...namespace, takePackets: namespace.takePackets, close}
}

type Inside = ReturnType<typeof inside>

/** A connection that the server closes. @returns the port */
async function connection({takePort, hosts}: Inside): Promise<number> {
  const port = await takePort()
  const [server, client] = [await hosts.enter('other-server'), await hosts.enter('client')]
  const greeting = 'hello'
  await server.request('listen', {
    ...{opener: 'node', bind: 'none', address: '127.0.0.1', port},
    ...{reads: true, greeting},
  })
  await client.request('connect', {host: '127.0.0.1', port, hold: false})
  await server.request('close-connection', null)
  await client.request('close', null)
  return port
}

function flagsOf({records}: TakenPackets): string[] {
  return pcapRecords(records).map(({bytes}) => [...(parseTcpPacket(bytes)?.flags ?? [])].join(' '))
}

const wholeConnection = ['SYN', 'SYN ACK', 'ACK', 'FIN ACK', 'FIN ACK']

testUnless(
  problem,
  'of all who share a namespace each gets the packets of its own ports, once, and with the time at which they came',
  async (t) => {
    const {shared} = opener(t)
    const [one, other] = await Promise.all([shared(), shared()])
    const from = monotonicSeconds()
    const port = await connection(one)
    const to = monotonicSeconds()
    t.deepEqual(flagsOf(await other.takePackets()), [], "another's are not given away")
    const taken = await one.takePackets()
    t.is(taken.lost, 0)
    const flags = flagsOf(taken)
    for (const wanted of wholeConnection) t.true(flags.includes(wanted), flags.join(', '))
    t.is(flags.filter((each) => each === 'SYN').length, 1, 'not once more on its way out')
    const ports = pcapRecords(taken.records).map(({bytes}) => {
      const packet = parseTcpPacket(bytes)
      return packet?.from.port === port || packet?.to.port === port
    })
    t.true(ports.every(Boolean))
    t.true(taken.moments.every((at) => at >= from && at <= to))
    t.deepEqual(
      [...taken.moments].sort((a, b) => a - b),
      taken.moments,
    )
    t.deepEqual(flagsOf(await one.takePackets()), [], 'they are kept until they are taken')
  },
)

testUnless(problem, "the machine's own packets are never captured", async (t) => {
  const namespace = await opener(t).own()
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const {port} = server.address() as {port: number}
  await new Promise((resolve) => connect(port, '127.0.0.1').resume().once('close', resolve))
  server.close()
  t.deepEqual(flagsOf(await namespace.takePackets()), [])
  await namespace.close()
})

testUnless(
  problem ?? packetFilterProblem,
  'what the packet filter drops is captured before, and the filter counts it',
  async (t) => {
    const {own} = opener(t)
    const namespace = await own({dropsPackets: true})
    const port = await namespace.takePort()
    const tried = async () => {
      const client = await namespace.hosts.enter('client')
      const where = {host: '127.0.0.1', port, hold: false, withinSeconds: 0.1}
      const {calls} = await client.request('try-to-connect', where)
      return calls.at(-1)?.outcome
    }
    await namespace.drop("the server's packets", port)
    t.is(await tried(), 'unanswered')
    await namespace.pass()
    t.is(await tried(), 'ECONNREFUSED')
    const taken = await namespace.takePackets()
    const flags = flagsOf(taken)
    t.deepEqual(flags.slice(0, 2), ['SYN', 'RST ACK'])
    const [period] = taken.filter?.periods ?? []
    t.like(period, {what: "the server's packets", port})
    t.true((period?.until?.from ?? 0) > (period?.since.to ?? Number.POSITIVE_INFINITY))
    const dropped = taken.moments.filter(
      (at, index) =>
        flags[index] === 'RST ACK' &&
        at > (period?.since.to ?? 0) &&
        at < (period?.until?.from ?? 0),
    )
    t.is(taken.filter?.dropped, dropped.length)
    await namespace.close()
  },
)

testUnless(
  problem,
  'only the process that captures can see packets, and it cannot set up what it sees',
  async (t) => {
    const {shared, running} = opener(t)
    const namespace = await shared()
    await connection(namespace)
    const effective = (kind: string) => {
      const status = readFileSync(`/proc/${running.get(kind)}/status`, 'utf8')
      const field = (name: string) => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1]
      t.is(field('NoNewPrivs'), '1', kind)
      t.is(field('CapBnd'), field('CapEff'), kind)
      return BigInt(`0x${field('CapEff')}`)
    }
    /** CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN of include/uapi/linux/capability.h. */
    const [netAdmin, netRaw, sysAdmin] = [1n << 12n, 1n << 13n, 1n << 21n]
    t.deepEqual(
      [...running.keys()].sort().map((kind) => [kind, effective(kind)]),
      [
        ['capture-host', netRaw | sysAdmin],
        ['client-host', 0n],
        ['keeper-host', netAdmin | sysAdmin],
        ['namespace-host', sysAdmin],
      ],
    )
  },
)

testUnless(
  problem,
  'when the process that captures is killed nothing else ends, and nobody is left behind at the end',
  async (t) => {
    const {shared, running, surroundings} = opener(t)
    const namespace = await shared()
    const pid = running.get('capture-host') ?? -1
    process.kill(pid, 'SIGKILL')
    await t.throwsAsync(namespace.takePackets(), {message: /capture/})
    await t.notThrowsAsync(connection(namespace))
    const pids = [pid, ...running.values()]
    await surroundings.close()
    t.deepEqual(pids.filter(isActorRunning), [])
  },
)
