import {scenario} from 'rebind'

export default scenario({
  title: 'A server that resets its clients',
  claim:
    'A server that resets its connections before it exits leaves nothing in the way of the next.',
  predecessor: {bind: 'none'}, // or {opener: 'node'}: a plain server.listen
  successor: {bind: 'none'}, // none, reuseaddr, reuseport or both

  async script({server, client, successor}) {
    await client.connect()
    await server.abortConnection() // RST
    await server.exit()
    await successor.start() // from here on it tries until the port is granted
  },

  residue: {server: 'none'}, // what is left when it first tries: TIME_WAIT, FIN_WAIT2, LISTEN, ...
})
