import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'TIME_WAIT over IPv6',
  claim:
    'TIME_WAIT is the same over IPv6: a plain bind of ::1 is refused until the kernel lets go.',
  predecessor: {bind: 'none', address: '::1'},
  successor: {bind: 'none', address: '::1'},

  async script({server, client, successor}) {
    await client.connect()
    await server.closeConnection() // FIN: active close
    await client.close() // FIN: passive close
    await server.exit()
    await successor.start()
  },

  residue: {server: 'TIME_WAIT'},
  wire: ['server-fin-first'],
})
