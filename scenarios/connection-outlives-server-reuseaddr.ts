import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'A connection outlives the server, SO_REUSEADDR',
  claim:
    'With SO_REUSEADDR on both servers, an open connection of the old one does not block the port.',
  predecessor: {bind: 'reuseaddr'},
  successor: {bind: 'reuseaddr'},

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
})
