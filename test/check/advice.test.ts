import {adviceFor} from '../../harness/check/advice.ts'
import {recogniseRuntime} from '../../harness/check/fixes.ts'
import {inferReuseaddr} from '../../harness/check/inference.ts'
import type {CheckDocument, CheckRound} from '../../harness/documents/check-schema.ts'
import {darwin} from '../../harness/platforms/darwin.ts'
import {gvisor} from '../../harness/platforms/gvisor.ts'
import {linux} from '../../harness/platforms/linux.ts'
import {test} from '../declare.ts'

const timeWait: CheckRound['residue'] = [{endpoint: 'server', state: 'TIME_WAIT', count: 1}]
const refused: CheckRound['errors'][number] = {
  code: 'EADDRINUSE',
  what: 'exited with status 1',
  exitStatus: 1,
  exitSignal: null,
  lines: ['Address already in use'],
  firstAttempt: 1,
  count: 40,
}
const immediate: CheckRound = {
  startupSeconds: 0.1,
  exitSeconds: 0.01,
  exitedBy: 'SIGTERM',
  exitStatus: null,
  exitSignal: 'SIGTERM',
  stopTimedOut: false,
  connections: {open: 1, accepted: 1, endedByServer: 1, reset: 0},
  residue: timeWait,
  verdict: 'immediate',
  attempts: 1,
  outageSeconds: 0.2,
  waitSeconds: 0,
  refusedConnections: 5,
  failedConnections: 0,
  errors: [],
  survivors: [],
}
const delayed: CheckRound = {
  ...immediate,
  verdict: 'delayed',
  attempts: 41,
  waitSeconds: 61.2,
  outageSeconds: 61.3,
  errors: [refused],
}

function documentOf(round: CheckRound, more: Partial<CheckDocument> = {}): CheckDocument {
  return {
    format: 'rebind-check',
    version: 1,
    host: {
      os: 'linux',
      stack: 'linux',
      release: '6.18',
      arch: 'x64',
      node: '20.19.0',
      libuv: '1.46.0',
      settings: {},
      ci: null,
    },
    command: ['server'],
    port: 3000,
    address: '127.0.0.1',
    stop: 'SIGTERM',
    safe: round.verdict === 'immediate',
    runtime: null,
    reuseaddr: inferReuseaddr([round], linux, '127.0.0.1'),
    rounds: [round],
    advice: [],
    ...more,
  }
}

test('whether the option is set follows from what this OS grants over the residue, or is not known', (t) => {
  const set = (round: CheckRound, platform: typeof linux) =>
    inferReuseaddr([round], platform, '127.0.0.1').set
  t.is(set(immediate, linux), true)
  t.is(set(delayed, linux), false)
  t.is(set(immediate, darwin), true)
  t.is(set(delayed, darwin), false)
  t.is(set({...immediate, residue: null}, gvisor), true, 'TIME_WAIT, which gVisor does not show')
  t.is(set({...immediate, residue: []}, linux), null, 'nothing was in the way')
  t.is(set({...delayed, residue: []}, linux), null, 'and this cannot be its own residue')
  const survivor = {pid: 7, command: 'node server.js', listening: true}
  t.is(set({...delayed, survivors: [survivor]}, linux), null)
  t.is(set({...delayed, errors: [{...refused, code: null}]}, linux), null, 'crashed')
  const embryonic = [{endpoint: 'server' as const, state: 'SYN_RECV' as const, count: 1}]
  t.is(set({...immediate, residue: embryonic}, linux), null, 'SYN_RECV does not hold the port')
  t.is(set({...immediate, residue: [...embryonic, ...(timeWait ?? [])]}, linux), true)
  const listened = {...refused, kind: 'ended-after-listening', code: null}
  t.is(set({...delayed, errors: [listened, refused]}, linux), null, 'one attempt got the port')
})

const fixes: [runtime: string | null, line: RegExp][] = [
  [
    'Python',
    /sock\.setsockopt\(socket\.SOL_SOCKET, socket\.SO_REUSEADDR, 1\).*allow_reuse_address/,
  ],
  ['Node', /already sets SO_REUSEADDR/],
  ['Go', /net\.Listen/],
  ['Java', /setReuseAddress\(true\)/],
  ['Ruby', /setsockopt\(:SOCKET, :REUSEADDR, true\)/],
  ['PHP', /socket_set_option/],
  ['nginx', /nginx already sets SO_REUSEADDR/],
  [null, /C: int on = 1; setsockopt.*Rust: /],
]
for (const [runtime, line] of fixes) {
  test(`a refused ${runtime ?? 'unknown'} server gets the line for its runtime, and its price`, (t) => {
    const advice = adviceFor(documentOf(delayed, {runtime}), linux).join('\n')
    t.regex(advice, line)
    t.regex(advice, /It cost 61\.2 s\./)
    t.regex(advice, /first restart after this change still has to wait/)
  })
}

test('on macOS, which asks only the new socket, nothing is said of a first restart', (t) => {
  t.notRegex(adviceFor(documentOf(delayed), darwin).join('\n'), /first restart after/)
})

test('a safe server that sets the option needs nothing; one that proved nothing is told so', (t) => {
  t.deepEqual(adviceFor(documentOf(immediate), linux).length, 1)
  t.regex(adviceFor(documentOf(immediate), linux)[0] ?? '', /^Nothing to do/)
  const unproven = documentOf({...immediate, residue: []})
  t.regex(adviceFor(unproven, linux).join('\n'), /proves little about SO_REUSEADDR/)
})

const commands: [command: string, runtime: string | undefined][] = [
  ['/usr/bin/python3.11 -m http.server', 'Python'],
  ['node server.js', 'Node'],
  ['env A=1 node server.js', 'Node'],
  ['bash -c exec node', 'Node'],
  ['nginx: master process nginx', 'nginx'],
  ['java -jar app.jar', 'Java'],
  ['php8.2 -S 127.0.0.1:80', 'PHP'],
  ['./server --lang python', undefined],
]
for (const [command, name] of commands) {
  test(`"${command}" is ${name ?? 'no runtime that is known'}`, (t) => {
    t.is(recogniseRuntime([command])?.name, name)
  })
}
