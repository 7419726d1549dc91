import {once} from 'node:events'
import {createConnection, createServer} from 'node:net'
import test from 'ava'
import {whenConnected} from '../../harness/traffic/connection.ts'
import {freePort} from '../check/servers.ts'

test('a client that TCP connects to itself was refused, and does not keep the port', async (t) => {
  const port = await freePort(t)
  const host = '127.0.0.1'
  const socket = createConnection({host, port, localAddress: host, localPort: port})
  t.teardown(() => socket.destroy())
  await t.throwsAsync(whenConnected(socket, {timeoutSeconds: 20}), {
    ...{name: 'Failed', message: 'the connection was refused'},
  })
  const server = createServer().listen(port, host)
  await once(server, 'listening')
  server.close()
})
