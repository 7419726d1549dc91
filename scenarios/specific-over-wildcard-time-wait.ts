import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'One address after the wildcard',
  claim:
    'A wildcard listener leaves TIME_WAIT only at the address that its connection used, so another address of the same port is free.',
  predecessor: {bind: 'none', address: '0.0.0.0'},
  successor: {bind: 'none', address: '127.0.0.1'},

  async script({server, client, successor}) {
    await client.connect() // to 127.0.0.1
    await server.closeConnection() // FIN: active close
    await client.close() // FIN: passive close
    await server.exit()
    await successor.start()
  },

  residue: {server: 'TIME_WAIT'},
  wire: ['server-fin-first'],

  arms: {
    'same-address': {},
    'other-address': {
      successor: {bind: 'none', address: '127.0.0.2'},
      advice: {
        says: 'TIME_WAIT blocks the port.',
        predicts: {verdict: 'delayed'},
      },
    },
  },
})
