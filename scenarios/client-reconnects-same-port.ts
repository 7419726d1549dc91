import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The old client comes back from the same port',
  claim:
    'A client that reconnects from its old port meets TIME_WAIT; whether that destroys it (RFC 1337: TIME-WAIT assassination) differs between systems, and with it whether the server may bind.',
  predecessor: {bind: 'none'},
  successor: {bind: 'none'},
  client: {bind: 'none'},

  async script({server, client, successor, seconds}) {
    await client.connect() // from a port that it bound
    await server.closeConnection() // FIN: active close
    await client.close() // FIN: passive close
    await server.exit() // nobody listens, TIME_WAIT is left
    await seconds(1) // macOS compares the sequence numbers, which since macOS 15 grow with time
    await client.reconnect('the same port') // SYN, from the same port to the same port
    await successor.start()
  },

  residue: {server: 'TIME_WAIT', reconnected: true},
  wire: ['server-fin-first', 'late-syn-met-ack-met-rst'],
  advice: {
    says: 'TIME_WAIT cannot be cut short from outside.',
    predicts: {verdict: 'delayed'},
  },
})
