import {once} from 'node:events'
import {type AddressInfo, connect, createServer, type Socket} from 'node:net'
import test, {type ExecutionContext} from 'ava'
import {ActorFailed} from '../../harness/processes/child.ts'
import {compileActor} from '../../harness/processes/compile.ts'
import {openHosts} from '../../harness/processes/hosts.ts'
import {isActorRunning} from '../commands/cli.ts'

let program = ''
let dispose = async () => {}

test.before(async () => {
  const compiled = await compileActor()
  program = compiled.path
  dispose = compiled.dispose
})
test.after.always(() => dispose())

function hostsOf(t: ExecutionContext) {
  const events: string[] = []
  const hosts = openHosts(program, {
    onProcess: (kind, pid, ending) => {
      events.push(`${kind} ${pid} ${ending === undefined ? 'started' : 'ended'}`)
    },
  })
  t.teardown(() => hosts.close())
  return {hosts, events}
}

/** A server that accepts and says nothing. */
async function silentServer(t: ExecutionContext) {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const {port} = server.address() as AddressInfo
  const accepted = () => once(server, 'connection').then(([socket]) => (socket as Socket).resume())
  return {port, accepted}
}

test('many actors are played in one process, each with a state of its own', async (t) => {
  const {hosts} = hostsOf(t)
  const [one, other, holder] = await Promise.all([
    hosts.enter('client'),
    hosts.enter('client'),
    hosts.enter('holder'),
  ])
  t.is(new Set([one.pid, other.pid, holder.pid]).size, 1)
  const {port, accepted} = await silentServer(t)
  const connection = accepted()
  const request = one.request('connect', {host: '127.0.0.1', port, hold: true})
  ;(await connection).write('a greeting')
  await request
  await t.throwsAsync(other.request('send', {text: 'x'}), {
    message: 'the client has not connected yet',
  })
  const successor = await hosts.enter('successor')
  t.not(successor.pid, one.pid)
})

test("an actor that leaves by force closes what is its, and the host's others go on", async (t) => {
  const {hosts} = hostsOf(t)
  const [leaving, staying] = await Promise.all([hosts.enter('client'), hosts.enter('client')])
  const {port, accepted} = await silentServer(t)
  const connections = [accepted()]
  const request = leaving.request('connect', {host: '127.0.0.1', port, hold: true})
  const [connection] = await Promise.all(connections)
  const closed = once(connection as Socket, 'close')
  leaving.kill()
  await t.throwsAsync(request, {instanceOf: ActorFailed, message: /was ended$/})
  t.is((await leaving.ended).signal, 'SIGKILL')
  await closed
  t.true(isActorRunning(leaving.pid))
  await t.throwsAsync(staying.request('send', {text: 'x'}), {message: /has not connected yet/})
})

test('one that exits has ended with status 0, and its host has not', async (t) => {
  const {hosts} = hostsOf(t)
  const client = await hosts.enter('client')
  t.deepEqual(await client.request('exit', null), {openConnections: 0})
  t.is((await client.ended).code, 0)
  t.true(isActorRunning(client.pid))
})

test('when a host is killed all its actors fail with that reason, and whoever comes next gets a new one', async (t) => {
  const {hosts, events} = hostsOf(t)
  const [one, other] = await Promise.all([hosts.enter('client'), hosts.enter('client')])
  const unhurt = await hosts.enter('successor')
  const {port, accepted} = await silentServer(t)
  const connection = accepted()
  const request = one.request('connect', {host: '127.0.0.1', port, hold: true})
  await connection
  process.kill(one.pid, 'SIGKILL')
  const message = `the client-host (pid ${one.pid}) was ended by SIGKILL`
  await t.throwsAsync(request, {instanceOf: ActorFailed, message})
  for (const actor of [one, other]) t.is(actor.failure(await actor.ended).message, message)
  const next = await hosts.enter('client')
  t.not(next.pid, one.pid)
  t.deepEqual(
    events.filter((event) => event.startsWith('client-host')),
    [
      `client-host ${one.pid} started`,
      `client-host ${one.pid} ended`,
      `client-host ${next.pid} started`,
    ],
  )
  t.true(isActorRunning(unhurt.pid))
})

test('a successor in a host greets with the word that it was given and its true pid', async (t) => {
  const {hosts} = hostsOf(t)
  const successor = await hosts.enter('successor')
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const {port} = taken.address() as AddressInfo
  taken.close()
  await once(taken, 'close')
  const granted = await successor.request('restart', {
    server: {
      opener: 'node',
      bind: 'none',
      address: '127.0.0.1',
      port,
      reads: true,
      greeting: 'successor story 1 xyz',
    },
    limitSeconds: 5,
    wait: true,
    pacing: {kind: 'proportional'},
  })
  t.deepEqual(granted, {granted: true})
  const client = connect({host: '127.0.0.1', port})
  const [greeting] = await once(client, 'data')
  t.is(String(greeting), `successor story 1 xyz ${successor.pid}\n`)
  const closed = once(client, 'close')
  successor.kill()
  await closed
})

test('all hosts are gone once they are closed', async (t) => {
  const {hosts} = hostsOf(t)
  const pids = (await Promise.all([hosts.enter('client'), hosts.enter('successor')])).map(
    ({pid}) => pid,
  )
  await hosts.close()
  for (const pid of pids) t.false(isActorRunning(pid))
})
