import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'One server on ::1, the other on 127.0.0.1',
  claim:
    'Two servers have the same port without a conflict, one on 127.0.0.1 and one on ::1; which of them answers localhost is decided by the order in which the client gets the addresses.',
  predecessor: {opener: 'node', address: '127.0.0.1', hosted: true},
  successor: {opener: 'node', address: '::1'},

  async script({server, client, successor}) {
    await successor.start() // the predecessor listens
    await client.countAnswers(20, 'localhost')
    await server.exit()
  },

  residue: {server: 'LISTEN'},
  playsOn: true,
  counts: {refusedConnections: 0},
  advice: {
    says: 'If another server already has the port, the new one gets EADDRINUSE.',
    predicts: {verdict: 'delayed'},
  },
})
