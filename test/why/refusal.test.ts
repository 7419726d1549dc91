import type {WhyPort} from '../../harness/documents/why-schema.ts'
import {linux} from '../../harness/platforms/linux.ts'
import type {Holder} from '../../harness/platforms/socket-holders.ts'
import type {TcpState} from '../../harness/platforms/tcp-states.ts'
import {explainPort} from '../../harness/why/explain.ts'
import type {PortSocket} from '../../harness/why/port-picture.ts'
import type {PortRefusal} from '../../harness/why/refusal.ts'
import {test} from '../declare.ts'
import {recordedReport} from '../documents/documents.ts'

const port = 8080
const holder: Holder = {pid: 4711, parent: 1, uid: 0, user: 'root', command: 'node server.js'}
const inode = 1

function socket(state: TcpState, more: Partial<PortSocket> = {}): PortSocket {
  const isHeld = state !== 'TIME_WAIT'
  const remote =
    state === 'LISTEN' ? {address: '0.0.0.0', port: 0} : {address: '127.0.0.1', port: 40_000}
  const entry = {
    state,
    local: {address: '127.0.0.1', port},
    remote,
    expiresInSeconds: isHeld ? null : 30,
  }
  return {
    entry: isHeld ? {...entry, inode, uid: 0} : entry,
    holders: isHeld ? [holder] : [],
    outgoing: false,
    ...more,
  }
}

/** What is said of a program's refused bind, with these sockets on the port. */
function explained(sockets: PortSocket[], refusal: Partial<PortRefusal> = {}): WhyPort {
  const {host} = recordedReport()
  return explainPort(
    {
      ...{port, addresses: ['127.0.0.1'], platform: linux, settings: host.settings, elsewhere: []},
      ...{sockets, trials: [], trialProblem: undefined, problems: {}, unseenProcesses: 0, uid: 0},
      refusal: {code: 'EADDRINUSE', port, address: '127.0.0.1', ...refusal},
    },
    host,
  )
}

const kinds = (things: {kind: string}[]) => things.map(({kind}) => kind)
/** As Node's. */
const node = {bind: 'reuseaddr'} as const

test('the port cannot be bound, as the program has seen, and no bind was tried', (t) => {
  const {bindable, bind, refused, unseen} = explained([socket('LISTEN')])
  t.is(bindable, false)
  t.deepEqual(bind, [])
  t.deepEqual(refused, {code: 'EADDRINUSE', address: '127.0.0.1'})
  t.regex(unseen[0] ?? '', /^No bind was tried/)
})

test('no option is recommended as if it had been tried', (t) => {
  for (const state of ['LISTEN', 'TIME_WAIT', 'ESTABLISHED'] as const) {
    for (const refusal of [{}, node]) {
      const {advice} = explained([socket(state)], refusal)
      t.true(
        advice.every(({text, helpsNow}) => helpsNow !== true && !/as tried|was tried/.test(text)),
        state,
      )
    }
  }
})

test('a listener is to be stopped; beside it, what is over does not refuse a program with SO_REUSEADDR', (t) => {
  const sockets = [socket('LISTEN'), socket('TIME_WAIT')]
  const ofNode = explained(sockets, node)
  t.deepEqual(kinds(ofNode.causes), ['listener'])
  t.deepEqual(kinds(ofNode.advice), ['stop-process'])
  t.is(ofNode.freeInSeconds, null)
  t.deepEqual(kinds(explained(sockets).causes), ['listener', 'closed-connection'])
})

test('over TIME_WAIT the option helps from the next restart on, if the program does not set it already', (t) => {
  const other = explained([socket('TIME_WAIT')])
  t.deepEqual(kinds(other.advice), ['wait', 'set-option'])
  t.is(other.advice[1]?.option, 'reuseaddr')
  t.is(other.freeInSecondsAtLeast, 30)
  const ofNode = explained([socket('TIME_WAIT')], node)
  t.deepEqual(kinds(ofNode.advice), ['wait', 'note'])
  t.is(ofNode.causes[0]?.rule, 'linux/both-sockets')
})

test('SO_REUSEADDR does not help against an outgoing connection', (t) => {
  const {advice} = explained([socket('ESTABLISHED', {outgoing: true})], node)
  t.like(
    advice.find(({kind}) => kind === 'set-option'),
    {option: 'reuseaddr', helpsNow: false},
  )
})

test('a program that has the port itself is told so, and not to be stopped', (t) => {
  const {advice} = explained([socket('LISTEN')], {...node, pid: holder.pid})
  t.deepEqual(kinds(advice), ['note'])
})

test('other errors are explained by what they say', (t) => {
  const far = explained([], {code: 'EADDRNOTAVAIL', address: '192.0.2.1'})
  t.deepEqual(kinds(far.causes), ['address-not-local'])
  t.deepEqual(kinds(far.advice), ['use-other-address'])
  t.deepEqual(kinds(explained([], {code: 'EACCES'}).causes), ['other-error'])
})

test('what is not on the port any more, or only bound, is not visible', (t) => {
  const {causes, bindable} = explained([], node)
  t.deepEqual(kinds(causes), ['not-visible'])
  t.is(bindable, false)
})
