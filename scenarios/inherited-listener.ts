import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The listening socket is inherited',
  claim:
    'When a supervisor keeps the listening socket and passes it on, as systemd does, nothing is bound again: clients wait in its queue, and none is refused or lost.',
  predecessor: {bind: 'none', inherited: true},
  successor: {bind: 'none', inherited: true},

  async script({server, client, successor, seconds}) {
    await client.keepConnecting()
    await seconds(0.1)
    await server.exit() // nobody accepts, but the socket still listens
    await seconds(0.1)
    await successor.start()
    await seconds(0.1)
    await client.stopConnecting()
  },

  residue: {server: 'LISTEN', amidTraffic: true},
  playsOn: true,
  counts: {refusedConnections: 0, resetConnections: 0, unansweredConnections: 0},
})
