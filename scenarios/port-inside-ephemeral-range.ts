import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: "The server's port is in the ephemeral range",
  claim:
    'A server port inside ip_local_port_range can become the local port of any outgoing connection while the server is down, and is then refused even with SO_REUSEADDR; ip_local_reserved_ports keeps it for the server.',
  predecessor: {bind: 'reuseaddr', port: 20_000},
  successor: {bind: 'reuseaddr'},

  async script({server, client, otherServer, successor, seconds}) {
    await server.exit() // the port is free
    await client.connectElsewhere() // the kernel chooses the local port: the first of its range
    await successor.start()
    await seconds(2)
    await otherServer.closeConnection() // FIN: active close, so that TIME_WAIT is on the other server's port
    await client.close() // FIN: passive close
  },

  residue: {server: 'ESTABLISHED', client: 'ESTABLISHED', outgoing: true},

  arms: {
    taken: {
      namespace: {settings: {ip_local_port_range: '20000 20001'}},
      wire: ['client-fin-first'],
      advice: {
        says: 'A free port stays free until the server is back.',
        predicts: {verdict: 'immediate'},
      },
    },
    reserved: {
      namespace: {
        settings: {ip_local_port_range: '20000 20001', ip_local_reserved_ports: '20000'},
      },
      residue: {server: 'none'},
    },
  },
})
