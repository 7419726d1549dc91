import {clientHost, socketAddress} from '../../harness/sockets/address.ts'
import {bindFlags, bindOptionOf, bindOptions} from '../../harness/sockets/bind-options.ts'
import {test} from '../declare.ts'

const addresses = [
  {address: '127.0.0.1', family: 'ipv4', host: '127.0.0.1', ipv6Only: false, client: '127.0.0.1'},
  {address: '0.0.0.0', family: 'ipv4', host: '0.0.0.0', ipv6Only: false, client: '127.0.0.1'},
  {address: '::1', family: 'ipv6', host: '::1', ipv6Only: true, client: '::1'},
  {address: '::', family: 'ipv6', host: '::', ipv6Only: true, client: '::1'},
  {address: 'dual', family: 'ipv6', host: '::', ipv6Only: false, client: '127.0.0.1'},
] as const

for (const {address, client, ...expected} of addresses) {
  test(`${address} is opened as ${expected.host} and reached at ${client}`, (t) => {
    t.deepEqual(socketAddress(address), expected)
    t.is(clientHost(address), client)
  })
}

test('a name is not an address', (t) => {
  for (const name of ['localhost', '', '127.0.0.1:80', '[::1]', '1.2.3']) {
    t.throws(() => socketAddress(name), {
      instanceOf: TypeError,
      message: `not an IP address: ${name}`,
    })
  }
})

test('each bind option is the word for its own pair of flags', (t) => {
  t.deepEqual(
    bindOptions.map((bind) => Object.values(bindFlags(bind)).map(Number).join('')),
    ['00', '10', '01', '11'],
  )
  for (const bind of bindOptions) t.is(bindOptionOf(bindFlags(bind)), bind)
})
