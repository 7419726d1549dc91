import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The wildcard over one address in TIME_WAIT',
  claim:
    'TIME_WAIT of a connection to one address also blocks a bind of 0.0.0.0, which includes every address.',
  predecessor: {bind: 'none', address: '127.0.0.1'},
  successor: {bind: 'none', address: '0.0.0.0'},

  async script({server, client, successor}) {
    await client.connect()
    await server.closeConnection() // FIN: active close
    await client.close() // FIN: passive close
    await server.exit()
    await successor.start()
  },

  residue: {server: 'TIME_WAIT'},
  wire: ['server-fin-first'],
})
