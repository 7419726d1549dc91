import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The client holds on',
  claim:
    'A client that never answers the FIN keeps the server in FIN_WAIT2, which blocks the port like TIME_WAIT, for as long as tcp_fin_timeout says.',
  predecessor: {bind: 'none'},
  successor: {bind: 'none'},

  async script({server, client, successor}) {
    await client.connect({hold: true})
    await server.closeConnection() // FIN: active close; the client acknowledges and holds on
    await server.exit()
    await successor.start()
  },

  residue: {server: 'FIN_WAIT2', client: 'CLOSE_WAIT'},
  wire: ['server-fin-first', 'client-no-fin'],
  advice: {
    says: 'The side that sends FIN first enters TIME_WAIT.',
    predicts: {residue: 'TIME_WAIT'},
  },
})
