import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'Connections in the queue of a server that stops',
  claim:
    'Clients that are connected but not accepted yet are reset when the listening socket closes; if a supervisor keeps it and passes it on, the new server answers all of them.',
  predecessor: {bind: 'none', accepts: false, hosted: true},
  successor: {bind: 'none'},

  async script({server, client, successor}) {
    await client.queue(40) // connected, and accepted by nobody
    await server.exit()
    await successor.start()
    await client.countQueued()
  },

  residue: {server: 'none', queued: 40},
  playsOn: true,

  arms: {
    'own-listener': {wire: ['server-rst-no-fin']},
    inherited: {
      predecessor: {bind: 'none', accepts: false, inherited: true},
      successor: {bind: 'none', inherited: true},
      residue: {server: 'LISTEN', queued: 40, amidTraffic: true},
    },
  },
})
