import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'A client connects to itself',
  claim:
    "A client that retries while the server is down may be given the server's own port as its local port, and is then connected to itself: the server is refused, even with SO_REUSEADDR, while the client waits for an answer. It cannot happen with a port outside ip_local_port_range, or in ip_local_reserved_ports.",
  predecessor: {bind: 'reuseaddr', port: 20_000, hosted: true},
  successor: {bind: 'reuseaddr'},

  async script({server, client, successor, seconds}) {
    await server.exit() // the port is free
    await client.retry(200) // from one port of the range after the other
    await successor.start()
    await seconds(2)
    await client.abort() // RST; a FIN would leave the client's own TIME_WAIT on the port
  },

  residue: {server: 'ESTABLISHED', outgoing: true, selfConnected: true},

  arms: {
    'in-range': {
      namespace: {settings: {ip_local_port_range: '20000 20019'}},
      advice: {
        says: 'A client may retry as often as it likes: while no server listens, all it gets is ECONNREFUSED.',
        predicts: {verdict: 'immediate'},
      },
    },
    'outside-range': {namespace: {settings: {ip_local_port_range: '20020 20039'}}},
    reserved: {
      namespace: {
        settings: {ip_local_port_range: '20000 20019', ip_local_reserved_ports: '20000'},
      },
    },
  },
})
