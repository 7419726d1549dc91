import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'tcp_tw_reuse, and a server that restarts',
  claim:
    'tcp_tw_reuse lets outgoing connections use a port in TIME_WAIT again; it does nothing for a server, whose plain bind is refused with 0, 1 and 2.',
  predecessor: {bind: 'none', hosted: true},
  successor: {bind: 'none'},

  async script({server, client, successor}) {
    await client.connect()
    await server.closeConnection() // FIN: active close
    await client.close() // FIN: passive close
    await server.exit()
    await successor.start()
  },

  residue: {server: 'TIME_WAIT'},
  wire: ['server-fin-first'],

  arms: {
    '0': {namespace: {settings: {tcp_tw_reuse: 0}}},
    '1': {
      namespace: {settings: {tcp_tw_reuse: 1}},
      advice: {
        says: 'With tcp_tw_reuse=1 a server restarts over TIME_WAIT.',
        predicts: {verdict: 'immediate'},
      },
    },
    '2': {
      namespace: {settings: {tcp_tw_reuse: 2}},
      advice: {
        says: 'With tcp_tw_reuse=2 a server on the loopback interface restarts over TIME_WAIT.',
        predicts: {verdict: 'immediate'},
      },
    },
  },
})
