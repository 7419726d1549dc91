import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'A shorter tcp_fin_timeout, and TIME_WAIT',
  claim:
    'tcp_fin_timeout does not set how long TIME_WAIT lasts: with 5 seconds the port is refused for as long as with the default.',
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
    '60-seconds': {
      namespace: {
        settings: {tcp_fin_timeout: 60},
        onMacos: {'net.inet.tcp.fin_timeout': 60_000},
      },
    },
    '5-seconds': {
      namespace: {settings: {tcp_fin_timeout: 5}, onMacos: {'net.inet.tcp.fin_timeout': 5000}},
      advice: {
        says: 'tcp_fin_timeout sets how long TIME_WAIT lasts.',
        predicts: {withinSeconds: 20},
      },
    },
  },
})
