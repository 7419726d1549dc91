import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'No buckets for TIME_WAIT',
  claim:
    'With tcp_max_tw_buckets=0 the kernel keeps no TIME_WAIT at all, and the port is free at once; lost-last-ack-without-time-wait shows what that costs.',
  predecessor: {bind: 'none'},
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
    'default-buckets': {namespace: {}},
    '0-buckets': {
      namespace: {settings: {tcp_max_tw_buckets: 0}},
      advice: {
        says: 'The side that closes first always enters TIME_WAIT.',
        predicts: {residue: 'TIME_WAIT'},
      },
    },
  },
})
