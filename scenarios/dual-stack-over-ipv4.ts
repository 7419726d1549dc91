import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'An IPv6 wildcard over IPv4 TIME_WAIT',
  claim:
    'A dual-stack bind of :: includes IPv4, so TIME_WAIT of an IPv4 connection is in its way; with IPV6_V6ONLY it is not.',
  predecessor: {bind: 'none', address: '127.0.0.1'},
  successor: {bind: 'none', address: 'dual'},

  async script({server, client, successor}) {
    await client.connect() // over IPv4
    await server.closeConnection() // FIN: active close
    await client.close() // FIN: passive close
    await server.exit()
    await successor.start()
  },

  residue: {server: 'TIME_WAIT'},
  wire: ['server-fin-first'],

  arms: {
    dual: {},
    'ipv6-only': {successor: {bind: 'none', address: '::'}},
  },
})
