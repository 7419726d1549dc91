import {scenario} from 'rebind'

export default scenario({
  title: 'A server that resets its clients',
  claim:
    'A server that resets its connections before it exits leaves nothing in the way of the next.',
  predecessor: {bind: 'none'},
  successor: {bind: 'none'},

  async script({server, client, successor}) {
    await client.connect()
    await server.abortConnection() // RST
    await server.exit()
    await successor.start()
  },

  residue: {server: 'none'},
})
