import {describePlatform} from '../../harness/documents/host.ts'
import {darwin} from '../../harness/platforms/darwin.ts'
import {gvisor} from '../../harness/platforms/gvisor.ts'
import {linux} from '../../harness/platforms/linux.ts'
import type {TcpState} from '../../harness/platforms/tcp-states.ts'
import {type BindOption, bindFlags, bindOptions} from '../../harness/sockets/bind-options.ts'
import {explainPort} from '../../harness/why/explain.ts'
import {inferOptions, type Obstacle, obstacleOf} from '../../harness/why/inference.ts'
import type {PortPicture} from '../../harness/why/port-picture.ts'
import {test} from '../declare.ts'

const addresses = ['0.0.0.0', '127.0.0.1', 'dual', '::', '::1']

/** What the binds would get over this residue, by the rules. */
function trialsOver(
  {rules}: typeof linux,
  residue: TcpState,
  predecessor: {bind: BindOption; address: string},
) {
  if (rules === null) throw new TypeError('a platform with rules')
  return addresses.flatMap((address) =>
    bindOptions.map((bind) => ({
      address,
      bind,
      observed: rules.bind({residue, predecessor, successor: {bind, address}}).outcome,
    })),
  )
}

function obstacle(state: TcpState, address: string, foreign = false): Obstacle {
  return {state, address, foreign}
}

for (const platform of [linux, gvisor, darwin]) {
  for (const state of ['TIME_WAIT', 'FIN_WAIT2', 'ESTABLISHED', 'LISTEN'] as const) {
    for (const bind of bindOptions) {
      test(`${platform.title}: what is inferred of a predecessor with ${bind} over ${state} is never wrong`, (t) => {
        const trials = trialsOver(platform, state, {bind, address: '127.0.0.1'})
        if (platform.rules === null) throw new TypeError('a platform with rules')
        const inference = inferOptions(platform.rules, [obstacle(state, '127.0.0.1')], trials)
        if (inference === undefined) return t.fail('the rules explain their own answers')
        const {reuseaddr, reuseport} = bindFlags(bind)
        t.true([reuseaddr, null].includes(inference.reuseaddr))
        t.true([reuseport, null].includes(inference.reuseport))
      })
    }
  }
}

test('on Linux the answers over TIME_WAIT tell both options', (t) => {
  for (const bind of bindOptions) {
    const trials = trialsOver(linux, 'TIME_WAIT', {bind, address: '127.0.0.1'})
    const inferred = linux.rules
      ? inferOptions(linux.rules, [obstacle('TIME_WAIT', '127.0.0.1')], trials)
      : undefined
    t.like(inferred, bindFlags(bind))
  }
})

test("another user's socket tells nothing of its SO_REUSEPORT", (t) => {
  const trials = trialsOver(linux, 'LISTEN', {bind: 'none', address: '0.0.0.0'})
  if (linux.rules === null) return t.fail()
  const own = inferOptions(linux.rules, [obstacle('LISTEN', '0.0.0.0')], trials)
  const foreign = inferOptions(linux.rules, [obstacle('LISTEN', '0.0.0.0', true)], trials)
  t.is(own?.reuseport, false)
  t.is(foreign?.reuseport, null)
})

test('answers that no options explain infer nothing', (t) => {
  const trials = trialsOver(linux, 'TIME_WAIT', {bind: 'none', address: '127.0.0.1'}).map(
    (trial) => ({...trial, observed: trial.bind === 'both' ? 'EADDRINUSE' : 'granted'}),
  )
  if (linux.rules === null) return t.fail()
  t.is(inferOptions(linux.rules, [obstacle('TIME_WAIT', '127.0.0.1')], trials), undefined)
})

test('a connection of a dual-stack listener is in the way of the same binds as one of IPv4', (t) => {
  const end = {address: '::ffff:127.0.0.1', port: 8080}
  const entry = {state: 'TIME_WAIT', local: end, remote: end, expiresInSeconds: 3} as const
  const {address} = obstacleOf({entry, holders: []}, 0)
  for (const platform of [linux, gvisor, darwin]) {
    for (const bind of bindOptions) {
      const [mapped, ipv4] = [address, '127.0.0.1'].map((old) =>
        trialsOver(platform, 'TIME_WAIT', {bind, address: old}),
      )
      t.deepEqual(mapped, ipv4)
    }
  }
})

/** The binds of a user over a TIME_WAIT that a server of root left on macOS, which does not show whose it was. */
const overRoots = addresses.flatMap((address) =>
  bindOptions.map((bind) => ({
    ...{address, bind},
    observed:
      darwin.rules?.bind({
        ...{residue: 'TIME_WAIT', otherUser: 'not-root'},
        predecessor: {bind: 'reuseaddr', address: '127.0.0.1'},
        successor: {bind, address},
      }).outcome ?? '',
  })),
)

test("on macOS, that every option is refused shows another user's socket", (t) => {
  if (darwin.rules === null) return t.fail()
  const unknown: Obstacle = {...obstacle('TIME_WAIT', '127.0.0.1'), foreign: null}
  t.is(inferOptions(darwin.rules, [unknown], overRoots)?.foreign, true)
  const own = trialsOver(darwin, 'TIME_WAIT', {bind: 'reuseaddr', address: '127.0.0.1'})
  t.is(inferOptions(darwin.rules, [unknown], own)?.foreign, false)
  // Whoever is root is refused nothing more.
  t.is(inferOptions(darwin.rules, [unknown], own, {isRoot: true})?.foreign, null)
})

function onMacos(
  state: TcpState,
  trials: PortPicture['trials'],
  {uid = 501, pid}: {uid?: number; pid?: number} = {},
) {
  const end = (port: number) => ({address: '127.0.0.1', port})
  const entry = {state, local: end(8080), remote: end(50_000), expiresInSeconds: null}
  const holder = {pid: pid ?? 0, parent: 1, uid, user: 'me', command: 'server'}
  const picture: PortPicture = {
    ...{port: 8080, addresses, platform: darwin, settings: {}, elsewhere: []},
    ...{trialProblem: undefined, problems: {}, unseenProcesses: 0, uid},
    sockets: [{entry, holders: pid === undefined ? [] : [holder], outgoing: false}],
    trials,
  }
  return explainPort(picture, describePlatform(darwin))
}

test('why says on macOS that the socket is of another user, and who may start the server', (t) => {
  const {causes, advice, rules} = onMacos('TIME_WAIT', overRoots)
  t.is(causes[0]?.rule, 'darwin/other-user')
  const [who] = advice.filter(({kind}) => kind === 'use-privilege')
  t.is(who?.rule, 'darwin/other-user')
  t.regex(who?.text ?? '', /^Start the server as the user whose socket is on the port, or as root:/)
  t.true(Object.hasOwn(rules ?? {}, 'darwin/other-user'))
  t.true(advice.some(({text}) => /at most 52 s \(usually at most 41 s\)/.test(text)))
})

test('why says on macOS that CLOSE_WAIT may end by itself', (t) => {
  const trials = trialsOver(darwin, 'CLOSE_WAIT', {bind: 'none', address: '127.0.0.1'})
  const {advice} = onMacos('CLOSE_WAIT', trials, {pid: 4711})
  const [note] = advice.filter(({rule}) => rule === 'darwin/close-wait-reset')
  t.regex(note?.text ?? '', /^Or wait up to 61 s: if the other end is on this machine/)
  t.true(advice.some(({kind}) => kind === 'stop-process'))
})
