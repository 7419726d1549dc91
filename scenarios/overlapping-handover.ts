import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The new server starts before the old one stops',
  claim:
    'With SO_REUSEPORT the successor listens before the predecessor stops, so no connection is refused; those that the old listener had in its queue may be reset.',
  predecessor: {bind: 'reuseport'},
  successor: {bind: 'reuseport'},

  async script({server, client, successor, seconds}) {
    await client.keepConnecting()
    await successor.start() // both listen
    await seconds(0.2)
    await server.exit() // what is in its queue is lost
    await seconds(0.2)
    await client.stopConnecting()
  },

  residue: {server: 'LISTEN', amidTraffic: true},
  bothListen: {},
  playsOn: true,
  counts: {refusedConnections: 0, unansweredConnections: 0},
})
