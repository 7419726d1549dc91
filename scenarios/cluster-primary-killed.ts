import {scenario} from '../harness/scenario.ts'

export default scenario({
  title: 'The primary of a cluster is killed',
  claim:
    "kill -9 of a cluster's primary ends its workers, too: they notice within milliseconds and exit, which closes their connections first, so TIME_WAIT is left, and nobody listens.",
  predecessor: {opener: 'node', cluster: true},
  successor: {bind: 'none'},

  async script({server, client, successor}) {
    await client.connect() // to a worker
    await server.kill() // SIGKILL, of the primary: the listening socket is gone
    await client.close() // the worker has exited: FIN, and ours as a passive close
    await successor.start()
  },

  residue: {server: 'TIME_WAIT'},
  wire: ['server-fin-first'],
  advice: {
    says: 'Workers of a cluster go on when their primary is killed, and keep its port.',
    predicts: {residue: 'LISTEN'},
  },
})
