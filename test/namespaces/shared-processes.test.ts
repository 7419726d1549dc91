import {execFileSync} from 'node:child_process'
import {existsSync} from 'node:fs'
import test, {type ExecutionContext} from 'ava'
import {surroundingsOpener} from '../../harness/namespaces/open-surroundings.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {compileActor} from '../../harness/processes/compile.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {isActorRunning, testUnless} from '../commands/cli.ts'
import {namespaceProblem, privateNetwork} from './available.ts'

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
  const platform = detectPlatform()
  /** By what each process is. */
  const running = new Map<string, number>()
  const surroundings = surroundingsOpener({
    ...{program, platform, allowHostSettings: false},
    onHost: (kind, pid, ending) => {
      if (ending === undefined) running.set(kind, pid)
      else if (running.get(kind) === pid) running.delete(kind)
    },
  })
  t.teardown(() => surroundings.close())
  const open = async (value: number) => {
    const spec = {settings: {tcp_fin_timeout: value}}
    const opened = await surroundings.open(spec, {onProcess: () => undefined})
    if (opened.namespace === undefined) throw new Error('there is no namespace')
    return {...opened, namespace: opened.namespace}
  }
  const pidOf = (kind: string) => running.get(kind) ?? -1
  return {open, pidOf, running, surroundings, close: surroundings.close}
}

testUnless(
  problem,
  'two processes serve all namespaces, each of which has settings and sockets of its own, and are gone at the end',
  async (t) => {
    const {open, running, close} = opener(t)
    const [one, other] = await Promise.all([open(5), open(7)])
    t.is(one.settings.tcp_fin_timeout, 5)
    t.is(other.settings.tcp_fin_timeout, 7)
    t.deepEqual([...running.keys()].sort(), ['keeper-host', 'namespace-host'])
    const port = await one.namespace.takePort()
    const server = await one.namespace.hosts.enter('other-server')
    await server.request('listen', {
      ...{opener: 'node', bind: 'none', address: '127.0.0.1', port},
      ...{reads: true, greeting: 'hello'},
    })
    const statesOf = async ({namespace}: typeof one) =>
      (await namespace.readSockets({ports: [port]})).map(({state}) => state)
    t.deepEqual(await statesOf(one), ['LISTEN'])
    t.deepEqual(await statesOf(other), [])
    await t.notThrowsAsync(
      one.namespace.verifyAccepting('127.0.0.1', port, `hello ${server.pid}`),
      'its keeper reaches it',
    )
    await t.throwsAsync(other.namespace.verifyAccepting('127.0.0.1', port, 'hello'), {
      code: 'ECONNREFUSED',
    })
    server.kill()
    await server.ended
    await one.close()
    await t.notThrowsAsync(other.namespace.readCounters(), 'the other one stays')
    const pids = [...running.values()]
    await close()
    t.deepEqual(pids.filter(isActorRunning), [])
  },
)

testUnless(
  problem,
  'a namespace has a small table of its own, and no setting but those that were asked for shows it',
  async (t) => {
    const {open} = opener(t)
    const {namespace} = await open(5)
    const settings = ['tcp_max_tw_buckets', 'tcp_max_syn_backlog', 'tcp_fin_timeout']
    const read = ([command = '', ...args]: readonly string[], names: string[]) => {
      const files = names.map((name) => `/proc/sys/net/ipv4/${name}`)
      return execFileSync(command, [...args, 'cat', ...files], {encoding: 'utf8'}).split('\n')
    }
    const usual = read(privateNetwork ?? [], settings)
    t.deepEqual(read(namespace.enter, settings), usual.with(2, '5'))
    // Linux 6.1 or later; sudo leaves a user who may not write it.
    if (!existsSync('/proc/sys/net/ipv4/tcp_ehash_entries') || process.getuid?.() !== 0) return
    t.is(read(namespace.enter, ['tcp_ehash_entries'])[0], '1024')
  },
)

testUnless(
  problem,
  'a setting that this kernel does not have is unavailable, and no failure',
  async (t) => {
    const {surroundings} = opener(t)
    const opening = surroundings.open(
      {settings: {tcp_no_such_thing: 1}},
      {onProcess: () => undefined},
    )
    await t.throwsAsync(opening, {
      name: 'SurroundingsUnavailable',
      message: /^this kernel has no such setting \(ENOENT.*tcp_no_such_thing/,
    })
  },
)

testUnless(problem, 'sockets are destroyed in the own namespace, and in no other', async (t) => {
  const {open} = opener(t)
  const [one, other] = await Promise.all([open(5), open(7)])
  const port = await one.namespace.takePort()
  const listening = {opener: 'node', bind: 'none', address: '127.0.0.1', port, reads: true} as const
  for (const {namespace} of [one, other]) {
    const server = await namespace.hosts.enter('other-server')
    await server.request('listen', {...listening, greeting: 'hello'})
  }
  const listeners = async ({namespace}: typeof one) =>
    (await namespace.readSockets({ports: [port]})).filter(({state}) => state === 'LISTEN').length
  t.is((await one.namespace.destroy('TIME_WAIT', port)).destroyed, 0, 'there is none')
  t.is(await listeners(one), 1)
  t.is((await one.namespace.destroy('LISTEN', port)).destroyed, 1)
  t.deepEqual([await listeners(one), await listeners(other)], [0, 1])
})

for (const kind of ['namespace-host', 'keeper-host']) {
  testUnless(
    problem,
    `when the ${kind} is killed its namespaces fail with that reason, and whoever comes next gets another one`,
    async (t) => {
      const {open, pidOf, running, close} = opener(t)
      const opened = await Promise.all([open(5), open(7)])
      const pid = pidOf(kind)
      process.kill(pid, 'SIGKILL')
      for (const {namespace} of opened) {
        await t.throwsAsync(namespace.failure, {
          message: `the ${kind} (pid ${pid}) was ended by SIGKILL`,
        })
      }
      await Promise.all(opened.map((each) => each.close()))
      const next = await open(9)
      t.is(next.settings.tcp_fin_timeout, 9)
      t.not(pidOf(kind), pid)
      const pids = [...running.values()]
      await close()
      t.deepEqual(pids.filter(isActorRunning), [])
    },
  )
}
