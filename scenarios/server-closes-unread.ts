import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The server closes with unread data',
  claim:
    'A server that closes while received bytes are unread sends RST instead of FIN (RFC 2525, section 2.17), and leaves nothing behind.',
  predecessor: {bind: 'none', reads: false},
  successor: {bind: 'none'},

  async script({server, client, successor}) {
    await client.connect()
    await client.send('never read')
    await server.destroyConnection() // RST: the kernel sees the unread bytes
    await server.exit()
    await successor.start()
  },

  residue: {server: 'none'},
  wire: ['server-rst-no-fin'],
  advice: {
    says: 'The side that closes first enters TIME_WAIT.',
    predicts: {residue: 'TIME_WAIT'},
  },
})
