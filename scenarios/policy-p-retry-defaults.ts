import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: "A server that retries with p-retry's defaults",
  claim:
    'p-retry doubles its pause, starting at 1 s, so it tries after 1, 3, 7, 15, 31 and 63 s, and the port is unused until the next attempt.',
  predecessor: {bind: 'none'},
  successor: {bind: 'none', retry: {}},

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
