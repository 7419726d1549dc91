import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'One address beside a live wildcard',
  claim:
    'With SO_REUSEADDR on both servers, can one bind 127.0.0.1 while the other still listens on 0.0.0.0, and who then answers?',
  predecessor: {bind: 'reuseaddr', address: '0.0.0.0'},
  successor: {bind: 'reuseaddr', address: '127.0.0.1'},

  async script({server, client, successor}) {
    await successor.start() // the predecessor listens
    await client.countAnswers(20) // connections to 127.0.0.1
    await server.exit()
  },

  residue: {server: 'LISTEN'},
  playsOn: true,
  advice: {
    says: 'SO_REUSEADDR only concerns TIME_WAIT; a port that somebody listens on is taken.',
    predicts: {verdict: 'delayed'},
  },
})
