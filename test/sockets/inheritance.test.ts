import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {type AddressInfo, createServer} from 'node:net'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {isPlainBindGranted} from '../../harness/sockets/native.ts'
import {openPort} from '../../harness/sockets/opener.ts'
import {needs} from '../needs.ts'

const native = needs(nativeOpenerProblem())

native(
  'a child process inherits no native socket, so its life does not keep the port',
  async (t) => {
    const server = createServer()
    await openPort(server, 'native', {address: '127.0.0.1', port: 0, bind: 'none'})
    const {port} = server.address() as AddressInfo
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume(); console.log("started")'])
    t.teardown(() => child.kill())
    await once(child.stdout, 'data')
    t.false(isPlainBindGranted('127.0.0.1', port))
    server.close()
    await once(server, 'close')
    t.is(child.exitCode, null)
    t.true(isPlainBindGranted('127.0.0.1', port))
  },
)
