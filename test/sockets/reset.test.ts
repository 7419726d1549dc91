import test from 'ava'
import {projectFolder, startProgram} from '../commands/cli.ts'

const source = `
import {createServer, connect} from 'node:net'
import {resetSocket} from './harness/sockets/reset.ts'
const server = createServer((socket) => socket.on('error', () => {}).resume())
server.listen(0, '127.0.0.1', () => {
  const {port} = server.address()
  const socket = connect({host: '127.0.0.1', port, allowHalfOpen: true})
  socket.on('error', ({code}) => console.log(code))
  socket.on('close', () => console.log('closed'))
  socket.on('connect', () => {
    socket.end()
    resetSocket(socket)
    server.close()
  })
})
`

test('a connection that is closed while its FIN is under way leaves no handle behind, and the process ends', async (t) => {
  const command = [process.execPath, '--import=tsx', '--input-type=module', '--eval', source]
  const {status, stdout} = await startProgram(t, command, {cwd: projectFolder}).ended
  t.is(status, 0)
  t.is(stdout, 'closed\n')
})
