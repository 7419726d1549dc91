import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'A connection outlives the server',
  claim:
    'An accepted connection that another process still holds keeps the port; and when that process closes it first, TIME_WAIT keeps the port for another kernel wait.',
  predecessor: {bind: 'none'},
  successor: {bind: 'none'},

  async script({server, client, holder, successor, seconds}) {
    await client.connect()
    await server.handOverConnection() // a worker or any other child would inherit it
    await server.exit() // no listener is left, but the connection lives on
    await successor.start()
    await seconds(2)
    await holder.closeConnection() // FIN: active close, in the name of the server's port
    await client.close() // FIN: passive close
  },

  residue: {server: 'ESTABLISHED', client: 'ESTABLISHED', later: 'TIME_WAIT'},
  wire: ['server-fin-first'],
  advice: {
    says: 'Once the old server has exited, its port is free.',
    predicts: {verdict: 'immediate'},
  },
})
