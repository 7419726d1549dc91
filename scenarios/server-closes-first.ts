import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The server closes first',
  claim:
    'The side that closes first keeps the connection in TIME_WAIT, so a plain bind of its port is refused until the kernel lets go.',
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
})
