import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'A shorter maximum segment lifetime (macOS)',
  claim:
    'On macOS TIME_WAIT lasts twice net.inet.tcp.msl, so a shorter one frees the port sooner; Linux has no such setting.',
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
    '15-seconds': {namespace: {onMacos: {'net.inet.tcp.msl': 15_000}}},
    '1-second': {namespace: {onMacos: {'net.inet.tcp.msl': 1000}}},
  },
})
