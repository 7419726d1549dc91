import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'A server that retries every second',
  claim:
    'A server that tries once a second notices a free port within a second, at the cost of about sixty refusals.',
  predecessor: {bind: 'none'},
  successor: {bind: 'none', retry: {retries: 1000, factor: 1, minTimeout: 1000}},

  async script({server, client, successor}) {
    await client.connect()
    await server.closeConnection() // FIN: active close
    await client.close({witness: true}) // FIN: passive close, here and on a port that shows the release
    await server.exit()
    await successor.start() // from here on in the policy's own time
  },

  residue: {server: 'TIME_WAIT'},
  wire: ['server-fin-first'],
})
