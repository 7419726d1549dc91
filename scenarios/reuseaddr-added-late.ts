import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'SO_REUSEADDR added at the restart',
  claim:
    'Setting SO_REUSEADDR on the new server only: whether that helps depends on whether the OS asks the old socket, too.',
  predecessor: {bind: 'none'},
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
  advice: {
    says: 'Set SO_REUSEADDR and the server restarts at once.',
    predicts: {verdict: 'immediate'},
  },
})
