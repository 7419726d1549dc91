import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: "An outgoing connection has the server's port",
  claim:
    "While the server is down, its port becomes the local port of somebody's outgoing connection: the restart is refused even with SO_REUSEADDR, unless that client also set it.",
  predecessor: {bind: 'reuseaddr'},
  successor: {bind: 'reuseaddr'},
  client: {bind: 'none'},

  async script({server, client, otherServer, successor, seconds}) {
    await server.exit() // the port is free
    await client.connectElsewhere() // and taken: it is the local port of this connection
    await successor.start()
    await seconds(2)
    await otherServer.closeConnection() // FIN: active close, so that TIME_WAIT is on the other server's port
    await client.close() // FIN: passive close
  },

  residue: {server: 'ESTABLISHED', client: 'ESTABLISHED', outgoing: true},
  wire: ['client-fin-first'],

  arms: {
    plain: {
      advice: {
        says: 'With SO_REUSEADDR a server gets its port unless another one listens.',
        predicts: {verdict: 'immediate'},
      },
    },
    // net.connect({localPort}): libuv sets SO_REUSEADDR on that bind, too
    node: {client: {opener: 'node'}},
  },
})
