import {platformOf, platformsWithRules} from '../../harness/platforms/detect.ts'
import type {Platform, Stack} from '../../harness/platforms/platform.ts'
import {type BindOption, bindOptions} from '../../harness/sockets/bind-options.ts'
import {test} from '../declare.ts'

const addresses = ['127.0.0.1', '0.0.0.0', '127.0.0.2', '::1', '::', 'dual']

/** One letter for each successor's address. */
function letters(
  stack: Stack,
  predecessor: {bind: BindOption | 'autobind'; address: string},
  successor: BindOption,
): string {
  return addresses
    .map((address) => ({bind: successor, address}))
    .map((newcomer) =>
      platformOf(stack).rules?.bind({
        residue: 'ESTABLISHED',
        predecessor,
        successor: newcomer,
        outgoing: true,
      }),
    )
    .map((rule) => (rule?.outcome === 'granted' ? '.' : 'X'))
    .join('')
}

/** Plain successors over a connection that was never bound, by where it connects to. */
const autobound: [Stack, destination: string, row: string][] = [
  ['linux', '127.0.0.1', 'XX...X'],
  // The kernel connects from 127.0.0.1 to all of 127.0.0.0/8.
  ['linux', '127.0.0.2', 'XX...X'],
  // A client to ::1 does not set IPV6_V6ONLY, and 0.0.0.0 is compared by nothing else.
  ['linux', '::1', '.X.XXX'],
  ['linux', '::', '...XXX'],
  ['linux', 'dual', 'XX...X'],
  ['gvisor', '127.0.0.2', '.XX..X'],
  ['gvisor', '::1', '...XXX'],
  ['darwin', '127.0.0.2', '.XX..X'],
  ['darwin', '::1', '...XXX'],
]

for (const [stack, address, row] of autobound) {
  test(`${stack}: who may bind plainly over an unbound client to ${address}`, (t) => {
    t.is(letters(stack, {bind: 'autobind', address}, 'none'), row)
  })
}

test('gVisor: a client that was bound to the wildcard keeps it, on Linux and macOS it does not', (t) => {
  const predecessor = {bind: 'reuseaddr', address: '0.0.0.0'} as const
  t.is(letters('gvisor', predecessor, 'none'), 'XXX..X')
  t.is(letters('linux', predecessor, 'none'), 'XX...X')
  t.is(letters('darwin', predecessor, 'none'), 'XX...X')
})

test('gVisor: SO_REUSEPORT alone is enough over an unbound client, not over a bound one', (t) => {
  t.is(letters('gvisor', {bind: 'autobind', address: '127.0.0.1'}, 'reuseport'), '......')
  t.is(letters('gvisor', {bind: 'none', address: '127.0.0.1'}, 'reuseport'), 'XX...X')
})

test('Linux: no option of the successor helps over an unbound client; on macOS each does', (t) => {
  const predecessor = {bind: 'autobind', address: '127.0.0.1'} as const
  t.deepEqual(
    bindOptions.map((bind) => letters('linux', predecessor, bind)),
    ['XX...X', 'XX...X', 'XX...X', 'XX...X'],
  )
  t.deepEqual(
    bindOptions.map((bind) => letters('darwin', predecessor, bind)),
    ['XX...X', '......', '......', '......'],
  )
})

test('a platform is found by the name of its stack', (t) => {
  for (const platform of platformsWithRules)
    t.is<Platform, Platform>(platformOf(platform.stack), platform)
  t.is(platformOf('windows').rules, null)
  t.is(platformOf('unknown').rules, null)
})
