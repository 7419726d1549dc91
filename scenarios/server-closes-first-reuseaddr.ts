import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'SO_REUSEADDR before and after',
  claim: 'With SO_REUSEADDR on both servers, the port is granted at once, TIME_WAIT or not.',
  predecessor: {bind: 'reuseaddr'},
  successor: {bind: 'reuseaddr'},

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
