import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The last ACK is lost',
  claim:
    "What TIME_WAIT is for: the ACK of the client's FIN is lost, the client sends its FIN again and again, each one restarts the 60 s of TIME_WAIT (not on macOS), and the first answer that gets through lets the client close cleanly.",
  predecessor: {bind: 'none'},
  successor: {bind: 'none'},
  namespace: {dropsPackets: true},

  async script({server, client, network, successor, seconds}) {
    await client.connect({hold: true})
    await server.closeConnection() // FIN: active close, which the client acknowledges
    await network.drop("the server's packets")
    await client.close() // FIN: passive close; the ACK that answers it is lost
    await server.exit()
    await successor.start() // TIME_WAIT is in the way
    await seconds(0.5) // the client sends its FIN again, and again
    await network.pass()
    await network.shows({server: 'TIME_WAIT', client: 'CLOSED'}) // the ACK of the next one arrives
  },

  residue: {server: 'TIME_WAIT', client: 'LAST_ACK'},
  wire: ['server-fin-first', 'client-fin-again', 'no-rst'],
  finSentAgain: true,
  playsOn: true,
  counts: {resets: 0},
  atLeast: {retransmittedSegments: 2},
})
