import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'A client uses another port',
  claim:
    "A client that closed first finds TIME_WAIT at its own port when it restarts; from another port it connects at once. Node's localPort sets SO_REUSEADDR, so there it is connect() that answers, not bind().",
  predecessor: {bind: 'none'},
  client: {bind: 'none'},

  async script({client}) {
    await client.connect() // from a port that it bound
    await client.close() // FIN: active close; TIME_WAIT is on the client's port
    await client.restart()
    await client.reconnect('the same port')
    await client.reconnect('another port')
  },

  residue: {server: 'LISTEN', client: 'TIME_WAIT'},
  wire: ['client-fin-first'],

  arms: {
    plain: {client: {bind: 'none'}},
    node: {client: {opener: 'node'}},
  },
})
