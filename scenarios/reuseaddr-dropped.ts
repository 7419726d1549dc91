import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'SO_REUSEADDR lost at the restart',
  claim:
    'The old server had SO_REUSEADDR, but the new one lost it in a refactoring: a plain bind is refused again.',
  predecessor: {bind: 'reuseaddr'},
  successor: {bind: 'none'},

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
