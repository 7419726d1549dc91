import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: "SO_REUSEPORT over another user's server",
  claim:
    "Linux lets only servers of one user share a port: with SO_REUSEPORT on both sockets, another user's listener refuses even root; of TIME_WAIT the kernel no longer knows the user, and grants the port.",
  predecessor: {bind: 'reuseport', otherUser: true},
  successor: {bind: 'reuseport'},

  async script({server, successor, seconds}) {
    await successor.start() // the predecessor listens
    await seconds(1)
    await server.exit()
  },

  residue: {server: 'LISTEN'},
  advice: {
    says: 'With SO_REUSEPORT on both sockets a server starts beside the old one.',
    predicts: {verdict: 'immediate'},
  },

  arms: {
    // Where it is granted, who answers is known only once the old one has gone.
    listening: {playsOn: true},
    'time-wait': {
      async script({server, client, successor}) {
        await client.connect()
        await server.closeConnection() // FIN: active close
        await client.close() // FIN: passive close
        await server.exit()
        await successor.start()
      },
      residue: {server: 'TIME_WAIT'},
    },
  },
})
