import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The client holds on, SO_REUSEADDR',
  claim: 'With SO_REUSEADDR on both servers, FIN_WAIT2 does not block the port either.',
  predecessor: {bind: 'reuseaddr'},
  successor: {bind: 'reuseaddr'},

  async script({server, client, successor}) {
    await client.connect({hold: true})
    await server.closeConnection() // FIN: active close; the client acknowledges and holds on
    await server.exit()
    await successor.start()
  },

  residue: {server: 'FIN_WAIT2', client: 'CLOSE_WAIT'},
  wire: ['server-fin-first', 'client-no-fin'],
})
