import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'What a Node server does',
  claim:
    'A plain server.listen() restarts over TIME_WAIT at once, because libuv sets SO_REUSEADDR on every bind.',
  predecessor: {opener: 'node'},
  successor: {opener: 'node'},

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
    says: 'EADDRINUSE at the restart of a Node server comes from TIME_WAIT.',
    predicts: {verdict: 'delayed'},
  },
})
