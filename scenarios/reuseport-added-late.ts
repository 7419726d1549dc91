import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'SO_REUSEPORT over SO_REUSEADDR',
  claim:
    'The old server had SO_REUSEADDR, the new one has SO_REUSEPORT: one option does not replace the other on every system.',
  predecessor: {bind: 'reuseaddr'},
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
    says: 'Either of the two options lets a server restart.',
    predicts: {verdict: 'immediate'},
  },
})
