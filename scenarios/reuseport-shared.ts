import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'Two servers share a port',
  claim:
    'With SO_REUSEPORT on both, the new server listens alongside the old one; the OS decides which one answers a client: Linux spreads them, macOS gives all to the one that was bound last, or with a wildcard address first.',
  predecessor: {bind: 'reuseport'},
  successor: {bind: 'reuseport'},

  async script({server, client, successor}) {
    await successor.start() // the predecessor listens
    await client.countAnswers(100)
    await server.exit()
  },

  residue: {server: 'LISTEN'},
  bothListen: {connections: 100},
  playsOn: true,
  counts: {refusedConnections: 0},
  advice: {
    says: 'Only one server at a time can listen on a port.',
    predicts: {verdict: 'delayed'},
  },
})
