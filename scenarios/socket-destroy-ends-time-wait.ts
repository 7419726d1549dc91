import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'Sockets that are destroyed from outside',
  claim:
    'ss -K (SOCK_DESTROY, with CAP_NET_ADMIN) ends TIME_WAIT at once and the port is free (Linux 6.0 or later); it ends a connection of a living process, too, but to destroy a listening socket is a trap: nobody listens any more, and the port stays refused until its process ends.',
  predecessor: {bind: 'none', hosted: true},
  successor: {bind: 'none'},
  namespace: {destroysSockets: true},

  async script({server, client, network, successor}) {
    await client.connect()
    await server.closeConnection() // FIN: active close
    await client.close() // FIN: passive close
    await server.exit()
    await network.destroy('TIME_WAIT')
    await successor.start()
  },

  residue: {server: 'TIME_WAIT', destroyed: true},
  wire: ['server-fin-first'],

  arms: {
    'time-wait': {
      advice: {
        says: 'Nothing but waiting ends TIME_WAIT.',
        predicts: {verdict: 'delayed'},
      },
    },
    'fin-wait2': {
      async script({server, client, network, successor}) {
        await client.connect({hold: true})
        await server.closeConnection() // FIN: active close; the client acknowledges and holds on
        await server.exit()
        await network.destroy('FIN_WAIT2') // of no process
        await successor.start()
      },
      residue: {server: 'FIN_WAIT2', client: 'CLOSE_WAIT', destroyed: true},
    },
    established: {
      async script({server, client, network, successor}) {
        await client.connect()
        await server.stopListening() // the process lives on, and has the connection
        await network.destroy('ESTABLISHED') // RST to the client
        await successor.start()
      },
      residue: {server: 'ESTABLISHED', destroyed: true},
      wire: ['server-rst-no-fin'],
    },
    'close-wait': {
      predecessor: {bind: 'none', hosted: true, reads: false},
      async script({server, client, network, successor}) {
        await client.connect()
        await client.sendFin() // active close, which the server does not notice
        await server.stopListening()
        await network.destroy('CLOSE_WAIT')
        await successor.start()
      },
      residue: {server: 'CLOSE_WAIT', client: 'FIN_WAIT2', destroyed: true},
      wire: ['client-fin-first'],
    },
    listen: {
      async script({server, network, successor, seconds}) {
        await network.destroy('LISTEN')
        await successor.start() // nobody listens, and the port is refused
        await seconds(2)
        await server.exit() // now it is free
      },
      residue: {server: 'LISTEN', destroyed: true},
      wire: [],
      advice: {
        says: 'Destroying the listening socket (ss -K) frees its port.',
        predicts: {verdict: 'immediate'},
      },
    },
  },
})
