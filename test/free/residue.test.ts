import type {ExecutionContext} from 'ava'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {missingProgram, startProgram, testUnless} from '../commands/cli.ts'
import {namespaceProblem, privateNetwork} from '../namespaces/available.ts'
import {notLinux} from '../needs.ts'

const problem =
  (process.platform === 'linux' ? nativeOpenerProblem() : notLinux) ??
  namespaceProblem ??
  missingProgram('ip')

const module = (path: string) =>
  JSON.stringify(new URL(`../../harness/${path}`, import.meta.url).href)

/** Runs a program in a network namespace of its own, in which it has all rights. @returns what it prints, as JSON */
async function inside(t: ExecutionContext, program: string): Promise<unknown> {
  const code = `
    import {once} from 'node:events'
    import net from 'node:net'
    const {destroySockets} = await import(${module('free/residue.ts')})
    const {destroySocket} = await import(${module('platforms/sock-destroy.ts')})
    const {readSockDiag} = await import(${module('platforms/sock-diag.ts')})
    const port = 8080
    const server = net.createServer((socket) => socket.end()).listen(port, '127.0.0.1')
    await once(server, 'listening')
    const read = () => readSockDiag({ports: [port], cookies: true}).filter(({local}) => local.port === port)
    const asSeen = (entries) => entries.map((entry) => ({entry, holders: [], outgoing: false}))
    ${program}
    process.exit()`
  const node = [process.execPath, '--import=tsx', '--input-type=module', '--eval', code]
  const shell = ['sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
  const {stdout, stderr} = await startProgram(t, [...(privateNetwork ?? []), ...shell, ...node])
    .ended
  t.is(stderr, '')
  return JSON.parse(stdout)
}

testUnless(problem, 'a listening socket is never destroyed', async (t) => {
  const answer = await inside(
    t,
    `
    const {destroyed} = destroySockets(port, asSeen(read()))
    const client = net.connect(port, '127.0.0.1').resume()
    await once(client, 'end')
    console.log(JSON.stringify([destroyed.length, read().some(({state}) => state === 'LISTEN')]))`,
  )
  t.deepEqual(answer, [0, true])
})

testUnless(problem, 'a socket is destroyed by its own cookie only', async (t) => {
  const answer = await inside(
    t,
    `
    const client = net.connect(port, '127.0.0.1').resume()
    await once(client, 'close')
    const left = () => read().filter(({state}) => state === 'TIME_WAIT')
    const [socket] = left()
    const later = Buffer.from(socket.cookie)
    later[0] ^= 1
    const refused = destroySocket({...socket, cookie: later})
    const before = left().length
    const {destroyed, isRefused} = destroySockets(port, asSeen(left()))
    console.log(JSON.stringify({refused, before, destroyed: destroyed.length, isRefused, after: left().length}))`,
  )
  // ENOENT.
  t.deepEqual(answer, {refused: 2, before: 1, destroyed: 1, isRefused: false, after: 0})
})
