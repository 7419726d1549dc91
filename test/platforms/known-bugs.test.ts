/** Kernels that grant what Linux refuses: which of their answers are a known bug, and that this is said. */
import {kindsOfAdvice} from '../../harness/check/advice.ts'
import {inferReuseaddr} from '../../harness/check/inference.ts'
import {statusOf} from '../../harness/commands/matrix.ts'
import type {CheckDocument} from '../../harness/documents/check-schema.ts'
import {describeHost} from '../../harness/documents/host.ts'
import {casesOfMatrix} from '../../harness/feeds/cases/matrix.ts'
import {linux} from '../../harness/platforms/linux.ts'
import {bindOptions} from '../../harness/sockets/bind-options.ts'
import {explainPort} from '../../harness/why/explain.ts'
import type {PortPicture} from '../../harness/why/port-picture.ts'
import {test} from '../declare.ts'
import {realDocuments} from '../documents/documents.ts'
import {matrixOn, reportOn} from './buggy-kernel.ts'

/** How many cells are wrong, as counted on the source of each version. */
const kernels: [version: string, wrong: number][] = [
  ['6.0.19', 0],
  ['6.1.0', 241],
  ['6.1.4', 241],
  ['6.1.5', 86],
  ['6.1.20', 86],
  ['6.2.7', 86],
  ['6.1.21', 62],
  ['6.1.53', 62],
  ['6.2.16', 62],
  ['6.4.16', 62],
  ['6.5.3', 62],
  ['6.1.54', 0],
  ['6.5.4', 0],
  ['6.18.44', 0],
]

for (const [version, wrong] of kernels) {
  test(`Linux ${version} has ${wrong} cells that its known bugs explain`, (t) => {
    const matrix = matrixOn(version)
    t.is(matrix.agreement.disagreeing, wrong)
    t.is(matrix.cells.filter(({bug}) => bug !== undefined).length, wrong)
    t.true(matrix.cells.every(({bug, observed, rule}) => !bug || (observed === 'granted' && rule)))
    // It stays unexpected.
    t.is(statusOf(matrix), wrong === 0 ? 0 : 1)
  })
}

test('an answer that no bug explains is none, and neither is one of a kernel that has not that bug', (t) => {
  const {rules} = linux
  t.true(matrixOn('6.1.5').cells.every(({bug}) => bug !== 'linux/bug-time-wait-overlooked'))
  for (const bug of rules?.bugs ?? []) {
    t.truthy(rules?.table[bug.id]?.because)
    for (const {last, fixedIn} of bug.versions) {
      t.is(
        fixedIn,
        last.replace(/\d+$/, (patch) => String(Number(patch) + 1)),
      )
    }
  }
})

test('a test report of the table names the bug at each cell', (t) => {
  const [first] = casesOfMatrix(matrixOn('6.1.4')).filter(({status}) => status === 'unexpected')
  t.regex(
    first?.reason ?? '',
    /^granted, expected EADDRINUSE.*; this is a bug of Linux 6\.1\.0 to /,
  )
})

test('a result that was granted by a bug names it, and stays unexpected', (t) => {
  const find = (version: string) =>
    reportOn(version).results.find(({scenario}) => scenario === 'server-closes-first')
  t.like(find('6.1.4'), {
    status: 'unexpected',
    bug: 'linux/bug-time-wait-overlooked',
    reason:
      'granted at once, expected EADDRINUSE; a bug of Linux 6.1.0 to 6.1.4, fixed in 6.1.5: ' +
      'a specific address is granted over TIME_WAIT and over a closed FIN_WAIT2',
  })
  t.like(find('6.1.5'), {status: 'as-expected', bug: undefined})
})

/** A picture of a port on which a plain server of 127.0.0.1 left TIME_WAIT, as a kernel of 6.1.0 to 6.1.4 answers. */
function picture(addresses: readonly string[]): PortPicture {
  const end = (port: number) => ({address: '127.0.0.1', port})
  const entry = {state: 'TIME_WAIT', local: end(8080), remote: end(40_000), expiresInSeconds: 30}
  return {
    ...{port: 8080, addresses, platform: linux, settings: {}, elsewhere: []},
    ...{trialProblem: undefined, problems: {}, unseenProcesses: 0, uid: 0},
    sockets: [{entry, holders: [], outgoing: false}],
    trials: addresses.flatMap((address) =>
      bindOptions.map((bind) => ({
        ...{address, bind},
        observed: address === '127.0.0.1' ? 'granted' : 'EADDRINUSE',
      })),
    ),
  } as unknown as PortPicture
}

for (const addresses of [['0.0.0.0', '127.0.0.1'], ['127.0.0.1']]) {
  test(`why says that a bind of ${addresses.join(' and ')} is granted by a bug`, (t) => {
    const host = {...describeHost(linux, {}), release: '6.1.0-1-amd64', kernel: '6.1.4'}
    const {advice, rules, bindable} = explainPort(picture(addresses), host)
    t.is(bindable, addresses.length === 1)
    const note = advice.find(({rule}) => rule === 'linux/bug-time-wait-overlooked')
    t.is(note?.kind, 'note')
    t.regex(note?.text ?? '', /granted only by a bug of Linux 6\.1\.0 to 6\.1\.4, fixed in 6\.1\.5/)
    t.true(Object.hasOwn(rules ?? {}, 'linux/bug-time-wait-overlooked'))
    const later = explainPort(picture(addresses), {...host, kernel: '6.1.5'})
    t.true(later.advice.every(({rule}) => rule !== 'linux/bug-time-wait-overlooked'))
  })
}

test('the options of the old server are inferred in spite of the bug', (t) => {
  const host = {...describeHost(linux, {}), kernel: '6.1.4'}
  const {advice} = explainPort(picture(['0.0.0.0', '127.0.0.1']), host)
  t.regex(advice.map(({text}) => text).join(), /the server that left this ran without it/)
})

test('check does not take a grant that may be a bug for SO_REUSEADDR', async (t) => {
  const document = (await realDocuments()).check as CheckDocument
  const [unsafe] = document.rounds
  if (unsafe === undefined) return t.fail()
  const round = {...unsafe, verdict: 'immediate' as const, errors: []}
  const on = (kernel: string) => inferReuseaddr([round], linux, '127.0.0.1', kernel)
  t.true(on('6.18.44').set)
  t.like(on('6.1.4'), {set: null, rule: 'linux/bug-time-wait-overlooked'})
  t.regex(on('6.1.4').because, /without it by a bug of Linux 6\.1\.0 to 6\.1\.4, fixed in 6\.1\.5/)
  const safe = {...document, safe: true, rounds: [round], reuseaddr: on('6.1.4')}
  const kinds = kindsOfAdvice(safe, linux).map(({kind}) => kind)
  t.true(kinds.includes('known-bug') && !kinds.includes('nothing-proven'))
})
