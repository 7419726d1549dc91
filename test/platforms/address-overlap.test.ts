import {once} from 'node:events'
import {createServer} from 'node:net'
import test from 'ava'
import {darwin} from '../../harness/platforms/darwin.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {gvisor} from '../../harness/platforms/gvisor.ts'
import {linux} from '../../harness/platforms/linux.ts'
import type {BindQuestion, Platform} from '../../harness/platforms/platform.ts'
import {type BindOption, bindOptions} from '../../harness/sockets/bind-options.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {isPlainBindGranted} from '../../harness/sockets/native.ts'
import {openPort} from '../../harness/sockets/opener.ts'
import {freePort} from '../check/servers.ts'
import {needs, noIpv6} from '../needs.ts'

const addresses = ['127.0.0.1', '0.0.0.0', '127.0.0.2', '::1', '::', 'dual']

/** One letter for each of the four options of a newcomer: none, reuseaddr, reuseport, both. */
function letters(
  platform: Platform,
  residue: BindQuestion['residue'],
  predecessor: BindQuestion['predecessor'],
  address: string,
  options: readonly BindOption[] = bindOptions,
): string {
  return options
    .map((bind) => platform.rules?.bind({residue, predecessor, successor: {bind, address}}))
    .map((rule) => (rule?.outcome === 'granted' ? '.' : 'X'))
    .join('')
}

/** Plain newcomers: a row for each newcomer's address, a letter for each predecessor's, in that order. */
const listenOverlap = ['XX...X', 'XXX..X', '.XX..X', '...XXX', '...XXX', 'XXXXXX']
const plain: {platform: Platform; residue: BindQuestion['residue']; rows: string[]}[] = [
  {platform: linux, residue: 'LISTEN', rows: listenOverlap},
  // Over a connection it is the connection's own address that counts: 127.0.0.1 for 0.0.0.0 and dual.
  {
    platform: linux,
    residue: 'TIME_WAIT',
    rows: ['XX...X', 'XXX..X', '..X...', '...XX.', '...XX.', 'XXXXXX'],
  },
  {platform: gvisor, residue: 'LISTEN', rows: listenOverlap},
  {
    platform: gvisor,
    residue: 'ESTABLISHED',
    rows: ['XX...X', 'XXX..X', '..X...', '...XX.', '...XX.', 'XXXXXX'],
  },
]

for (const {platform, residue, rows} of plain) {
  test(`${platform.title}: which addresses overlap with ${residue} at which others`, (t) => {
    const seen = addresses.map((address) =>
      addresses
        .map((old) => letters(platform, residue, {bind: 'none', address: old}, address, ['none']))
        .join(''),
    )
    t.deepEqual(seen, rows)
  })
}

/** macOS: by newcomer 127.0.0.1, 0.0.0.0, ::1, :: and dual. */
const macNewcomers = ['127.0.0.1', '0.0.0.0', '::1', '::', 'dual']
const macListeners: Record<string, {plain: string; reuseport: string}> = {
  '127.0.0.1': {plain: 'XXXX X... .... .... X...', reuseport: 'XX.. X... .... .... X...'},
  // A dual-stack newcomer is exempt from an IPv4 wildcard, but not the other way round.
  '0.0.0.0': {plain: 'X... XXXX .... .... ....', reuseport: 'X... XX.. .... .... ....'},
  '::1': {plain: '.... .... XXXX X... X...', reuseport: '.... .... XX.. X... X...'},
  '::': {plain: '.... .... X... XXXX XXXX', reuseport: '.... .... X... XX.. XX..'},
  dual: {plain: 'X... XXXX X... XXXX XXXX', reuseport: 'X... XX.. X... XX.. XX..'},
}
const macConnections: Record<string, string> = {
  '127.0.0.1': 'X... X... .... .... X...',
  '0.0.0.0': 'X... X... .... .... X...',
  '::1': '.... .... X... X... X...',
  '::': '.... .... X... X... X...',
  dual: 'X... X... .... .... X...',
}

for (const [address, {plain, reuseport}] of Object.entries(macListeners)) {
  test(`macOS: who may bind beside a listener on ${address}`, (t) => {
    const beside = (bind: BindOption) =>
      macNewcomers.map((newcomer) => letters(darwin, 'LISTEN', {bind, address}, newcomer)).join(' ')
    t.is(beside('none'), plain)
    t.is(beside('reuseaddr'), plain)
    t.is(beside('reuseport'), reuseport)
    t.is(beside('both'), reuseport)
  })
}

for (const [address, row] of Object.entries(macConnections)) {
  test(`macOS: the options of a connection accepted on ${address} do not matter to a newcomer`, (t) => {
    for (const bind of bindOptions) {
      for (const residue of ['ESTABLISHED', 'TIME_WAIT', 'FIN_WAIT2'] as const) {
        const seen = macNewcomers.map((newcomer) =>
          letters(darwin, residue, {bind, address}, newcomer),
        )
        t.is(seen.join(' '), row)
      }
    }
  })
}

const {stack, rules} = detectPlatform()
const unjudged = ['linux', 'gvisor'].includes(stack) ? undefined : 'judged on Linux and gVisor only'
const live = needs(
  unjudged ?? nativeOpenerProblem() ?? (isPlainBindGranted('::1', 0) ? undefined : noIpv6),
)

live("the machine's own listeners overlap as its rule says (Linux and gVisor only)", async (t) => {
  for (const old of addresses) {
    const predecessor = {bind: 'none', address: old} as const
    const server = createServer()
    // Port 0 may give one that another process has on another address.
    const port = await freePort(t)
    await openPort(server, 'native', {...predecessor, port})
    for (const address of addresses) {
      const successor = {bind: 'none', address} as const
      const rule = rules?.bind({residue: 'LISTEN', predecessor, successor})
      t.is(isPlainBindGranted(address, port), rule?.outcome === 'granted', `${address} over ${old}`)
    }
    server.close()
    await once(server, 'close')
  }
})
