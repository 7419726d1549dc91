import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'Workers of a cluster are replaced',
  claim:
    'In a rolling restart of node:cluster the primary keeps the listening socket and starts a new worker before it ends the old one: nothing is bound again, and no connection is refused or lost.',
  predecessor: {opener: 'node', cluster: true},
  successor: {opener: 'node', cluster: true},

  async script({client, successor, seconds}) {
    await client.keepConnecting()
    await successor.start() // the new worker accepts; then the old one is disconnected, and ends
    await seconds(0.1)
    await client.stopConnecting()
  },

  residue: {server: 'LISTEN', amidTraffic: true},
  playsOn: true,
  counts: {refusedConnections: 0, resetConnections: 0, unansweredConnections: 0},
  atLeast: {answersFromPredecessor: 1, answersFromSuccessor: 1},
})
