import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The last ACK is lost, and there is no TIME_WAIT',
  claim:
    'The same loss with tcp_max_tw_buckets=0: the port is free at once, but the old connection is forgotten, so when the client sends its FIN again, the answer is RST.',
  predecessor: {bind: 'none'},
  successor: {bind: 'none'},
  namespace: {settings: {tcp_max_tw_buckets: 0}, dropsPackets: true},

  async script({server, client, network, successor, seconds}) {
    await client.connect({hold: true})
    await server.closeConnection() // FIN: active close, which the client acknowledges
    await network.drop("the server's packets")
    await client.close() // FIN: passive close; the ACK that answers it is lost
    await server.exit()
    await successor.start() // nothing is in the way
    await seconds(0.5) // the client sends its FIN again, and again
    await network.pass()
    await network.shows({client: 'CLOSED'}) // the next one meets RST
  },

  residue: {server: 'TIME_WAIT', client: 'LAST_ACK'},
  wire: ['server-fin-first', 'client-fin-again', 'late-fin-met-rst'],
  playsOn: true,
  counts: {timerRestarts: 0},
  atLeast: {retransmittedSegments: 2, resets: 1},
})
