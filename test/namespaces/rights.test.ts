import {execFileSync, spawnSync} from 'node:child_process'
import {readFileSync, readlinkSync} from 'node:fs'
import test, {type ExecutionContext} from 'ava'
import {namespaceWays, type Through, type Way} from '../../harness/namespaces/ways.ts'
import {compileActor} from '../../harness/processes/compile.ts'
import {openHosts} from '../../harness/processes/hosts.ts'
import {launch, type Role} from '../../harness/processes/launch.ts'
import {testUnless} from '../commands/cli.ts'
import {namespaceProblem} from './available.ts'

let program = ''
let dispose = async () => {}

test.before(async () => {
  const compiled = await compileActor()
  program = compiled.path
  dispose = compiled.dispose
})
test.after.always(() => dispose())

/** CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN of include/uapi/linux/capability.h. */
const [netAdmin, netRaw, sysAdmin] = [1n << 12n, 1n << 13n, 1n << 21n]

type NamespaceHost = 'namespace-host' | 'keeper-host' | 'capture-host'

async function launched(t: ExecutionContext, role: Role, through: Through) {
  const actor = await launch(program, role, {}, {through})
  t.teardown(async () => {
    actor.kill()
    await actor.ended
  })
  return actor
}

/** What proc(5) tells of a process's rights. */
function rightsOf(pid: number) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string) => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? ''
  return {
    effective: BigInt(`0x${field('CapEff')}`),
    permitted: BigInt(`0x${field('CapPrm')}`),
    bounding: BigInt(`0x${field('CapBnd')}`),
    noNewPrivileges: field('NoNewPrivs'),
    user: Number(field('Uid').split('\t')[0]),
  }
}

/** Whether a way leads anywhere here: some systems forbid user namespaces, and few users may run sudo. */
function problemOf({title, make: [command, ...args]}: Way): string | undefined {
  const {status} = spawnSync(command, [...args, 'true'], {stdio: 'ignore'})
  return status === 0 ? undefined : `${title} is not allowed`
}

/** The host, the keeper and a namespace that they share. */
async function opened(t: ExecutionContext, way: Way) {
  const enter = async (kind: NamespaceHost, role: Role, through: Through) => {
    const hosts = openHosts(program, {through, hostOf: () => kind})
    t.teardown(() => hosts.close())
    return {hosts, actor: await hosts.enter(role)}
  }
  const host = await enter('namespace-host', 'namespace', way.host)
  const {pid: hostPid} = host.actor
  const {fd} = await host.actor.request('make-namespace', null)
  const {actor: keeper} = await enter('keeper-host', 'keeper', way.keep(hostPid))
  const settings = {tcp_fin_timeout: 7}
  const read = await keeper.request('set-up-namespace', {host: hostPid, fd, settings})
  t.is(read.settings.tcp_fin_timeout, 7)
  const {actor: capture} = await enter('capture-host', 'capture', way.capture(hostPid))
  await capture.request('capture-packets', {host: hostPid, fd})
  return {host, hostPid, fd, keeper, capture}
}

for (const way of process.platform === 'linux' ? namespaceWays() : []) {
  const {title} = way
  const problem = namespaceProblem ?? problemOf(way)
  testUnless(
    problem,
    `in a namespace made by ${title} servers are the invoking user without a single right`,
    async (t) => {
      const {hostPid, fd, keeper, capture} = await opened(t, way)
      const server = await launched(t, 'predecessor', way.enter(hostPid, fd))
      const user = process.getuid?.() ?? -1
      const expected = {effective: 0n, permitted: 0n, bounding: 0n, noNewPrivileges: '1', user}
      t.deepEqual(rightsOf(server.pid), expected)
      for (const [pid, rights] of [
        [hostPid, sysAdmin],
        [keeper.pid, sysAdmin | netAdmin],
        [capture.pid, sysAdmin | netRaw],
      ] as const) {
        const {effective, permitted, bounding, noNewPrivileges} = rightsOf(pid)
        t.deepEqual([effective, permitted, bounding], [rights, rights, rights])
        t.is(noNewPrivileges, '1')
      }
    },
  )

  testUnless(
    problem,
    `a namespace made by ${title} is nobody else's, whoever plays beside it in the same processes`,
    async (t) => {
      const {host, hostPid, fd} = await opened(t, way)
      const settled = readlinkSync(`/proc/${hostPid}/ns/net`)
      const other = await host.hosts.enter('namespace')
      await other.request('make-namespace', null)
      const {number: inside} = host.actor
      const server = await host.hosts.enter('other-server', {}, inside)
      const port = 10_000
      await server.request('listen', {
        ...{opener: 'native', bind: 'none', address: '127.0.0.1', port},
        ...{reads: true, greeting: 'hello'},
      })
      const where = {host: '127.0.0.1', port, hold: false, withinSeconds: 5}
      const outcome = async (place: number | undefined) => {
        const client = await host.hosts.enter('client', {}, place)
        const {calls} = await client.request('try-to-connect', where)
        return calls.at(-1)?.outcome
      }
      t.is(await outcome(inside), 'connected')
      t.is(await outcome(other.number), 'ENETUNREACH', 'nothing is configured there')
      t.is(await outcome(undefined), 'ENETUNREACH', "nor in the host's own namespace")
      t.is(readlinkSync(`/proc/${hostPid}/ns/net`), settled, 'it always comes home')
      const [nsenter, ...args] = [...way.enter(hostPid, fd), 'readlink', '/proc/self/ns/net']
      const entered = execFileSync(nsenter ?? '', args, {encoding: 'utf8'}).trim()
      t.false([settled, readlinkSync('/proc/self/ns/net')].includes(entered))
      host.actor.kill()
      await host.actor.ended
      t.is(await outcome(inside).catch(({message}: Error) => message), 'there is no such namespace')
    },
  )
}
