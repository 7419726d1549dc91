import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'TIME_WAIT protected from a client that comes back',
  claim:
    'A client that reconnects from its old port destroys TIME_WAIT (RFC 1337) with tcp_rfc1337=0; with 1 the TIME_WAIT stays, the client gets no connection and the port is refused.',
  predecessor: {bind: 'none'},
  successor: {bind: 'none'},
  client: {bind: 'none'},

  async script({server, client, successor}) {
    await client.connect() // from a port that it bound
    await server.closeConnection() // FIN: active close
    await client.close() // FIN: passive close
    await server.exit() // nobody listens, TIME_WAIT is left
    await client.reconnect('the same port') // SYN, answered by ACK, answered by RST
    await successor.start()
  },

  residue: {server: 'TIME_WAIT', reconnected: true},
  wire: ['server-fin-first', 'late-syn-met-ack-met-rst'],

  arms: {
    off: {namespace: {settings: {tcp_rfc1337: 0}}},
    on: {namespace: {settings: {tcp_rfc1337: 1}}},
  },
})
