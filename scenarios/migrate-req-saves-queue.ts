import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: "The old server's queue, with and without tcp_migrate_req",
  claim:
    'Both servers listen with SO_REUSEPORT, and the old one stops with connections in its queue: by default they are reset; with tcp_migrate_req=1 (Linux 5.14 or later) the new server gets them.',
  predecessor: {bind: 'reuseport', accepts: false, hosted: true},
  successor: {bind: 'reuseport'},

  async script({server, client, successor}) {
    await client.queue(40) // all in the queue of the one server that listens
    await successor.start() // both listen
    await server.exit()
    await client.countQueued()
  },

  residue: {server: 'LISTEN', queued: 40, amidTraffic: true},
  playsOn: true,

  arms: {
    off: {namespace: {settings: {tcp_migrate_req: 0}}, wire: ['server-rst-no-fin']},
    on: {namespace: {settings: {tcp_migrate_req: 1}}},
  },
})
