import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The server aborts',
  claim:
    'A server that aborts the connection (SO_LINGER 0, resetAndDestroy) sends RST and leaves nothing behind.',
  predecessor: {bind: 'none'},
  successor: {bind: 'none'},

  async script({server, client, successor}) {
    await client.connect()
    await server.abortConnection() // RST
    await server.exit()
    await successor.start()
  },

  residue: {server: 'none'},
  wire: ['server-rst-no-fin'],
})
