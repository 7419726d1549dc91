import {socketAddress} from '../../harness/sockets/address.ts'
import {cInts} from '../../harness/sockets/c-numbers.ts'
import {type SocketConstants, sockaddr, socketConstants} from '../../harness/sockets/constants.ts'
import {test} from '../declare.ts'

function bytesOn(os: NodeJS.Platform, address: string, port: number): string {
  return sockaddr(
    socketConstants(os, 'x64') as SocketConstants,
    socketAddress(address),
    port,
  ).toString('hex')
}

const noFlow = '00000000'
const noScope = '00000000'
const zeros = '0000000000000000'

const shapes = [
  {os: 'linux', address: '127.0.0.1', hex: `0200${'1f90'}7f000001${zeros}`},
  {os: 'darwin', address: '127.0.0.1', hex: `1002${'1f90'}7f000001${zeros}`},
  {os: 'linux', address: '::1', hex: `0a00${'1f90'}${noFlow}${'1'.padStart(32, '0')}${noScope}`},
  {os: 'darwin', address: '::1', hex: `1c1e${'1f90'}${noFlow}${'1'.padStart(32, '0')}${noScope}`},
] as const

for (const {os, address, hex} of shapes) {
  test(`the sockaddr of ${address} port 8080 on ${os} has the bytes of its header file`, (t) => {
    t.is(bytesOn(os, address, 8080), hex)
  })
}

const ipv6Forms = {
  '::': '00000000000000000000000000000000',
  dual: '00000000000000000000000000000000',
  '1::': '00010000000000000000000000000000',
  '2001:db8::8:800:200c:417a': '20010db80000000000080800200c417a',
  '1:2:3:4:5:6:7:8': '00010002000300040005000600070008',
  'FE80::AbCd': 'fe80000000000000000000000000abcd',
  '::ffff:127.0.0.1': '00000000000000000000ffff7f000001',
  '64:ff9b::192.0.2.33': '0064ff9b0000000000000000c0000221',
  '1:2:3:4:5:6:1.2.3.4': '00010002000300040005000601020304',
}

for (const [address, hex] of Object.entries(ipv6Forms)) {
  test(`the IPv6 form ${address} becomes its 16 bytes`, (t) => {
    t.is(bytesOn('linux', address, 1).slice(16, 48), hex)
  })
}

test('the constants of Windows are not known', (t) => {
  t.is(socketConstants('win32', 'x64'), undefined)
})

test("those of asm-generic are not taken for MIPS's, where SO_REUSEADDR is 4 and SOCK_STREAM is 2", (t) => {
  for (const architecture of ['mips', 'mipsel', 'sparc64', 'alpha']) {
    t.is(socketConstants('linux', architecture), undefined, architecture)
  }
  for (const architecture of ['x64', 'arm64', 's390x', 'ppc64']) {
    t.is(socketConstants('linux', architecture)?.SO_REUSEADDR, 2, architecture)
  }
})

test('on a big-endian machine the family of a sockaddr and the ints of options are written its way', (t) => {
  const constants = socketConstants('linux', 's390x') as SocketConstants
  const bytes = sockaddr(constants, socketAddress('127.0.0.1'), 8080, 'BE')
  t.is(bytes.toString('hex'), `0002${'1f90'}7f000001${zeros}`)
  t.is(cInts([1, 0], 'BE').toString('hex'), '0000000100000000')
  t.is(cInts([1, 0], 'LE').toString('hex'), '0100000000000000')
})
