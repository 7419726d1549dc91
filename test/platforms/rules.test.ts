import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {constants, tmpdir} from 'node:os'
import {join} from 'node:path'
import {cellsOf} from '../../harness/matrix/cells.ts'
import {questionOf} from '../../harness/matrix/question.ts'
import {darwin} from '../../harness/platforms/darwin.ts'
import {gvisor} from '../../harness/platforms/gvisor.ts'
import {linux, linuxErrno, readIpv4Settings} from '../../harness/platforms/linux.ts'
import type {BindQuestion, Platform, Settings} from '../../harness/platforms/platform.ts'
import {timerSlotSeconds} from '../../harness/platforms/timer-wheel.ts'
import {bindOptions} from '../../harness/sockets/bind-options.ts'
import {test} from '../declare.ts'

function ask(platform: Platform, question: BindQuestion): string {
  return platform.rules?.bind(question).outcome === 'granted' ? '.' : 'X'
}

/** A row for each predecessor, in it a letter for each successor: none, reuseaddr, reuseport, both. */
const sameAddress: [Platform, residue: BindQuestion['residue'], rows: string[]][] = [
  [linux, 'TIME_WAIT', ['XXXX', 'X.X.', 'XX..', 'X...']],
  [linux, 'FIN_WAIT2', ['XXXX', 'X.X.', 'XX..', 'X...']],
  [linux, 'LISTEN', ['XXXX', 'XXXX', 'XX..', 'XX..']],
  [gvisor, 'TIME_WAIT', ['XX..', 'X...', 'XX..', 'X...']],
  [gvisor, 'LISTEN', ['XXXX', 'XXXX', 'XX..', 'XX..']],
  [darwin, 'TIME_WAIT', ['X...', 'X...', 'X...', 'X...']],
  [darwin, 'ESTABLISHED', ['X...', 'X...', 'X...', 'X...']],
  [darwin, 'LISTEN', ['XXXX', 'XXXX', 'XX..', 'XX..']],
]
for (const [platform, residue, rows] of sameAddress) {
  test(`${platform.title}: who may bind over ${residue} on the same address`, (t) => {
    const seen = bindOptions.map((predecessor) =>
      bindOptions
        .map((successor) =>
          ask(platform, {
            residue,
            predecessor: {bind: predecessor, address: '127.0.0.1'},
            successor: {bind: successor, address: '127.0.0.1'},
          }),
        )
        .join(''),
    )
    t.deepEqual(seen, rows)
  })
}

/** Plain binds over a plain listener (LISTEN) or over its connection (TIME_WAIT). */
const plainAddresses: [
  Platform,
  BindQuestion['residue'],
  old: string,
  row: Record<string, string>,
][] = [
  [
    linux,
    'LISTEN',
    '127.0.0.1',
    {'127.0.0.1': 'X', '0.0.0.0': 'X', '127.0.0.2': '.', '::1': '.', '::': '.', dual: 'X'},
  ],
  [
    linux,
    'LISTEN',
    'dual',
    {'127.0.0.1': 'X', '0.0.0.0': 'X', '127.0.0.2': 'X', '::1': 'X', '::': 'X', dual: 'X'},
  ],
  [
    linux,
    'TIME_WAIT',
    '0.0.0.0',
    {'127.0.0.1': 'X', '0.0.0.0': 'X', '127.0.0.2': '.', '::1': '.', '::': '.', dual: 'X'},
  ],
  [linux, 'LISTEN', '::1', {'127.0.0.1': '.', '0.0.0.0': '.', '::1': 'X', '::': 'X', dual: 'X'}],
  [
    gvisor,
    'LISTEN',
    '127.0.0.1',
    {'127.0.0.1': 'X', '0.0.0.0': 'X', '127.0.0.2': '.', '::1': '.', '::': '.', dual: 'X'},
  ],
  [
    darwin,
    'LISTEN',
    '0.0.0.0',
    {'127.0.0.1': 'X', '0.0.0.0': 'X', '::1': '.', '::': '.', dual: '.'},
  ],
  [darwin, 'LISTEN', 'dual', {'127.0.0.1': 'X', '0.0.0.0': 'X', '::1': 'X', '::': 'X', dual: 'X'}],
]
for (const [platform, residue, old, row] of plainAddresses) {
  test(`${platform.title}: which addresses conflict with ${residue} of ${old}`, (t) => {
    const seen = Object.keys(row).map((address) => [
      address,
      ask(platform, {
        residue,
        predecessor: {bind: 'none', address: old},
        successor: {bind: 'none', address},
      }),
    ])
    t.deepEqual(Object.fromEntries(seen), row)
  })
}

test('beside a live wildcard listener, SO_REUSEADDR is refused on Linux and granted on macOS and gVisor', (t) => {
  const question: BindQuestion = {
    residue: 'LISTEN',
    predecessor: {bind: 'reuseaddr', address: '0.0.0.0'},
    successor: {bind: 'reuseaddr', address: '127.0.0.1'},
  }
  t.deepEqual(
    [linux, darwin, gvisor].map((platform) => ask(platform, question)),
    ['X', '.', '.'],
  )
})

test('nothing left on the port: every platform grants', (t) => {
  for (const platform of [linux, darwin, gvisor]) {
    const server = {bind: 'none', address: '127.0.0.1'} as const
    t.is(ask(platform, {residue: 'none', predecessor: server, successor: server}), '.')
  }
})

const releases: [Platform, 'TIME_WAIT' | 'FIN_WAIT2', Settings, range: [number, number]][] = [
  [linux, 'TIME_WAIT', {CONFIG_HZ: 250}, [60, 62.052]],
  [linux, 'TIME_WAIT', {CONFIG_HZ: 250, tcp_fin_timeout: 5}, [60, 62.052]],
  [linux, 'TIME_WAIT', {CONFIG_HZ: null}, [60, 65.13]],
  [linux, 'FIN_WAIT2', {CONFIG_HZ: 250, tcp_fin_timeout: 5}, [5, 5.26]],
  [linux, 'FIN_WAIT2', {CONFIG_HZ: 250, tcp_fin_timeout: 120}, [120, 124.104]],
  [linux, 'FIN_WAIT2', {CONFIG_HZ: 250, tcp_fin_timeout: 61}, [2, 2.072]],
  [linux, 'FIN_WAIT2', {CONFIG_HZ: 250, tcp_fin_timeout: 1}, [1, 1.036]],
  // Never shorter than 3.5 retransmission timeouts: at most 0.75 to 0.81 s were measured.
  [linux, 'FIN_WAIT2', {CONFIG_HZ: 250, tcp_fin_timeout: 0}, [0.7, 0.911]],
  [linux, 'TIME_WAIT', {CONFIG_HZ: 250, tcp_tw_timeout: 15}, [15, 15.26]],
  [linux, 'TIME_WAIT', {CONFIG_HZ: 250, tcp_tw_timeout: 'no number'}, [60, 62.052]],
  [linux, 'FIN_WAIT2', {CONFIG_HZ: 250, tcp_tw_timeout: 15, tcp_fin_timeout: 16}, [2, 2.072]],
  [linux, 'TIME_WAIT', {CONFIG_HZ: 100}, [60, 65.13]],
  // What no kernel can have, but a log may: as if it were not known.
  [linux, 'TIME_WAIT', {CONFIG_HZ: 0}, [60, 65.13]],
  [linux, 'TIME_WAIT', {CONFIG_HZ: 1e308}, [60, 65.13]],
  [linux, 'FIN_WAIT2', {CONFIG_HZ: 250, tcp_fin_timeout: 1e308}, [60, 62.052]],
  [linux, 'FIN_WAIT2', {CONFIG_HZ: 250, tcp_fin_timeout: -5}, [60, 62.052]],
  [darwin, 'TIME_WAIT', {'net.inet.tcp.msl': 1e308}, [30, 52]],
  [gvisor, 'TIME_WAIT', {}, [60, 60.5]],
  [darwin, 'TIME_WAIT', {'net.inet.tcp.msl': 15_000}, [30, 52]],
  [darwin, 'TIME_WAIT', {'net.inet.tcp.msl': 1000}, [2, 24]],
  [darwin, 'FIN_WAIT2', {'net.inet.tcp.fin_timeout': 60_000}, [60, 60.5]],
  [darwin, 'FIN_WAIT2', {'net.inet.tcp.fin_timeout': 0}, [600, 600.5]],
  // macOS 11 has no such setting.
  [darwin, 'FIN_WAIT2', {'kern.osproductversion': '11.6'}, [600, 600.5]],
  [darwin, 'FIN_WAIT2', {'kern.osproductversion': '12.5'}, [60, 60.5]],
]
for (const [platform, state, settings, range] of releases) {
  test(`${platform.title} releases ${state} by ${JSON.stringify(settings)}`, (t) => {
    const release = platform.rules?.release(state, settings)
    if (release?.endsBy !== 'kernel') return t.fail()
    t.deepEqual(
      release.residueSeconds.map((seconds) => Number(seconds.toFixed(3))),
      range,
    )
  })
}

test('LISTEN and ESTABLISHED end by the process that has them', (t) => {
  for (const platform of [linux, darwin, gvisor]) {
    t.is(platform.rules?.release('LISTEN', {}).endsBy, 'process')
    t.is(platform.rules?.release('ESTABLISHED', {}).endsBy, 'process')
  }
})

test('macOS releases TIME_WAIT after 41 s at the latest, unless a collection pass is missed', (t) => {
  t.like(darwin.rules?.release('TIME_WAIT', {}), {residueSeconds: [30, 52], usuallySeconds: 41})
})

test('macOS ends CLOSE_WAIT without its process, once the other end on this machine has given up', (t) => {
  t.like(darwin.rules?.release('CLOSE_WAIT', {}), {
    ...{id: 'darwin/close-wait-reset', endsBy: 'process', ifPeerClosedSeconds: [60, 60.5]},
  })
  t.like(linux.rules?.release('CLOSE_WAIT', {}), {id: 'ended-by-process'})
})

/** How many cells of the bind table another user's socket changes. */
const otherUsers: [Platform, 'root' | 'not-root', refusedMore: number][] = [
  [darwin, 'not-root', 1404],
  [darwin, 'root', 0],
  [gvisor, 'not-root', 0],
]
for (const [platform, otherUser, refusedMore] of otherUsers) {
  test(`${platform.title}: another user's socket refuses ${refusedMore} binds more to who is ${otherUser}`, (t) => {
    const changed = cellsOf({}).flatMap((cell) => {
      const own = ask(platform, questionOf(cell))
      const other = ask(platform, {...questionOf(cell), otherUser})
      return own === other ? [] : [`${own}${other}`]
    })
    t.deepEqual([...new Set(changed)], refusedMore === 0 ? [] : ['.X'])
    t.is(changed.length, refusedMore)
  })
}

test('Linux lets SO_REUSEPORT in beside sockets of the same user only, and over TIME_WAIT whosever it was', (t) => {
  const server = {bind: 'reuseport', address: '127.0.0.1'} as const
  const over = (residue: BindQuestion['residue'], otherUser: 'root' | 'not-root') =>
    linux.rules?.bind({residue, predecessor: server, successor: server, otherUser}).id
  t.is(over('LISTEN', 'not-root'), 'linux/other-user')
  t.is(over('LISTEN', 'root'), 'linux/other-user')
  t.is(over('TIME_WAIT', 'not-root'), 'linux/both-reuseport')
})

test('a timer is late by the slot of its level of the timer wheel', (t) => {
  t.is(timerSlotSeconds(60, 250), 2.048)
  t.is(timerSlotSeconds(60, 1000), 4.096)
  t.is(timerSlotSeconds(60, 100), 5.12)
  t.is(timerSlotSeconds(5, 250), 0.256)
})

test("EADDRINUSE has the number of the Linux at hand, and the usual one in another machine's documents", (t) => {
  const mips = {...constants.errno, EADDRINUSE: 125}
  t.is(linuxErrno('linux', mips).EADDRINUSE, 125)
  t.is(linuxErrno('darwin', {...constants.errno, EADDRINUSE: 48}).EADDRINUSE, 98)
  if (process.platform === 'linux') t.is(linux.rules?.errno.EADDRINUSE, constants.errno.EADDRINUSE)
})

test('a setting that only some kernels have is read where there is one, and is not missed elsewhere', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'rebind-test-'))
  t.teardown(() => rm(folder, {recursive: true, force: true}))
  await writeFile(join(folder, 'tcp_fin_timeout'), '60\n')
  const names = ['tcp_fin_timeout', 'tcp_rfc1337']
  t.deepEqual(await readIpv4Settings(names, folder), {tcp_fin_timeout: 60, tcp_rfc1337: null})
  const later = {tcp_tw_timeout: 15, tcp_migrate_req: 0, tcp_tw_reuse_delay: 1000}
  for (const [name, value] of Object.entries(later)) {
    await writeFile(join(folder, name), `${value}\n`)
  }
  const settings = await readIpv4Settings(names, folder)
  t.deepEqual(settings, {tcp_fin_timeout: 60, tcp_rfc1337: null, ...later})
})
