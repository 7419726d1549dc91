import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The server is killed',
  claim:
    'kill -9 closes an idle connection as politely as the program would have: the kernel sends FIN, and TIME_WAIT stays.',
  predecessor: {bind: 'none'},
  successor: {bind: 'none'},

  async script({server, client, successor}) {
    await client.connect()
    await server.kill() // the kernel closes the connection: FIN, active close
    await client.close() // FIN: passive close
    await successor.start()
  },

  residue: {server: 'TIME_WAIT'},
  wire: ['server-fin-first'],
  advice: {
    says: 'Kill the old process and its port is free.',
    predicts: {verdict: 'immediate'},
  },
})
