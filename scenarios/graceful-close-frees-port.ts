import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'A server that only stops listening',
  claim:
    "server.close() ends the listening, not the connections: while one is open, or in TIME_WAIT because node:http closed it while it was idle, a plain bind of the port is refused, and Node's own listen is granted.",
  predecessor: {opener: 'node', hosted: true},
  successor: {bind: 'none'},

  async script({server, client, successor, seconds}) {
    await client.connect()
    await server.stopListening() // server.close(): the process and its connection live on
    await successor.start()
    await seconds(2)
    await client.close() // FIN: active close, so that nothing stays on the server's port
  },

  residue: {server: 'ESTABLISHED', client: 'ESTABLISHED'},
  wire: ['client-fin-first'],

  arms: {
    net: {
      advice: {
        says: 'After server.close() the port is free.',
        predicts: {verdict: 'immediate'},
      },
    },
    'net-to-node': {successor: {opener: 'node'}},
    http: {
      predecessor: {opener: 'node', http: true, hosted: true},
      async script({server, client, successor}) {
        await client.connect() // one request; the connection is kept
        await server.stopListening() // server.close() of node:http: FIN on the idle connection
        await client.close() // FIN: passive close
        await successor.start()
      },
      residue: {server: 'TIME_WAIT'},
      wire: ['server-fin-first'],
    },
    'http-to-node': {
      predecessor: {opener: 'node', http: true, hosted: true},
      successor: {opener: 'node'},
      async script({server, client, successor}) {
        await client.connect()
        await server.stopListening()
        await client.close()
        await successor.start()
      },
      residue: {server: 'TIME_WAIT'},
      wire: ['server-fin-first'],
    },
  },
})
