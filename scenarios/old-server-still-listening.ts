import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The old server is still there',
  claim:
    'The EADDRINUSE that Node users really get: the old process is still listening, and SO_REUSEADDR does not help.',
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
