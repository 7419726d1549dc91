import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'A shorter tcp_fin_timeout, and FIN_WAIT2',
  claim:
    'tcp_fin_timeout sets how long FIN_WAIT2 waits for a client that never closes: with 5 seconds the port is soon free.',
  predecessor: {bind: 'none'},
  successor: {bind: 'none'},

  async script({server, client, successor}) {
    await client.connect({hold: true})
    await server.closeConnection() // FIN: active close; the client acknowledges and holds on
    await server.exit()
    await successor.start()
  },

  residue: {server: 'FIN_WAIT2', client: 'CLOSE_WAIT'},
  wire: ['server-fin-first', 'client-no-fin'],

  arms: {
    '60-seconds': {
      namespace: {
        settings: {tcp_fin_timeout: 60},
        onMacos: {'net.inet.tcp.fin_timeout': 60_000},
      },
    },
    '5-seconds': {
      namespace: {settings: {tcp_fin_timeout: 5}, onMacos: {'net.inet.tcp.fin_timeout': 5000}},
    },
  },
})
