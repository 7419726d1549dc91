import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'Both sides close at the same moment',
  claim:
    'When the FINs cross, both ends go through CLOSING to TIME_WAIT, and the port is refused as if the server alone had closed first.',
  predecessor: {bind: 'none'},
  successor: {bind: 'none'},
  // without the early retransmission, whose time depends on how fast earlier answers came
  namespace: {settings: {tcp_early_retrans: 0}, dropsPackets: true},

  async script({server, client, network, successor}) {
    await client.connect({hold: true})
    await server.handOverConnection('the client') // one process closes both ends within one tick
    await server.exit()
    await network.drop('every FIN')
    await client.closeBothEnds() // FIN from either end: both are lost, and due again at the same tick
    await network.drop('all but one FIN each way')
    await network.shows({server: 'CLOSING', client: 'CLOSING'}) // they were sent again, and crossed
    await network.pass()
    await network.shows({server: 'TIME_WAIT', client: 'TIME_WAIT'}) // now they are acknowledged, too
    await successor.start()
  },

  residue: {server: 'TIME_WAIT', client: 'TIME_WAIT'},
  wire: ['fins-cross'],
})
