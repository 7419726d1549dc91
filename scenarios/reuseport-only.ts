import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'SO_REUSEPORT before and after',
  claim: 'SO_REUSEPORT alone, on both servers, works as well for a restart as SO_REUSEADDR.',
  predecessor: {bind: 'reuseport'},
  successor: {bind: 'reuseport'},

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
    says: 'Only SO_REUSEADDR gets a port back out of TIME_WAIT.',
    predicts: {verdict: 'delayed'},
  },
})
