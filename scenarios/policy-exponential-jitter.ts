import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'A server that retries with exponential backoff and jitter',
  claim:
    'Exponential backoff with a maximum pause of 5 s tries fewer than twenty times and leaves the port unused for up to that pause.',
  predecessor: {bind: 'none'},
  successor: {
    bind: 'none',
    retry: {retries: 1000, minTimeout: 100, maxTimeout: 5000, randomize: true},
  },

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
