import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The client closes first',
  claim:
    "When the client closes first, TIME_WAIT is the client's, on the client's port, and the server's port is free.",
  predecessor: {bind: 'none'},
  successor: {bind: 'none'},

  async script({server, client, successor}) {
    await client.connect()
    await client.close() // FIN: active close; the server answers with its own
    await server.exit()
    await successor.start()
  },

  residue: {server: 'none', client: 'TIME_WAIT'},
  wire: ['client-fin-first'],
})
