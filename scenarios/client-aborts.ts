import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The client aborts',
  claim: "A client that aborts sends RST, and the server's socket is gone at once.",
  predecessor: {bind: 'none'},
  successor: {bind: 'none'},

  async script({server, client, successor}) {
    await client.connect()
    await client.abort() // RST
    await server.exit()
    await successor.start()
  },

  residue: {server: 'none'},
  wire: ['client-rst-no-fin'],
})
