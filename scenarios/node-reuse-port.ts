import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'Two Node servers share a port',
  claim:
    'With server.listen({reusePort: true}) on both (Node 22.12 or later), the new server listens while the old one still does.',
  predecessor: {opener: 'node', reusePort: true, hosted: true},
  successor: {opener: 'node', reusePort: true},

  async script({server, client, successor}) {
    await successor.start() // the predecessor listens
    await client.countAnswers(100)
    await server.exit()
  },

  residue: {server: 'LISTEN'},
  playsOn: true,
  counts: {refusedConnections: 0},
  advice: {
    says: 'Two Node processes share a port only through node:cluster.',
    predicts: {verdict: 'delayed'},
  },
})
