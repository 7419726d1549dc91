import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The old server is still there',
  claim:
    'The EADDRINUSE that Node users really meet: the old process is alive and listens, and SO_REUSEADDR does not help against that.',
  predecessor: {opener: 'node'},
  successor: {opener: 'node'},

  async script({server, successor, seconds}) {
    await successor.start() // refused: the predecessor listens
    await seconds(2)
    await server.exit() // granted
  },

  residue: {server: 'LISTEN'},
  advice: {
    says: 'SO_REUSEADDR lets a server restart at once.',
    predicts: {verdict: 'immediate'},
  },
})
