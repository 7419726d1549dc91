import {mkdirSync, symlinkSync, writeFileSync} from 'node:fs'
import {endianness} from 'node:os'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {parseLsof, readLsofHolders, readLsofUnixSockets} from '../../harness/platforms/lsof.ts'
import {
  readListenersElsewhere,
  readProcHolders,
  readProcNetUnix,
} from '../../harness/platforms/proc-holders.ts'
import {readProcNetTcp} from '../../harness/platforms/proc-net-tcp.ts'
import {findHolders} from '../../harness/platforms/proc-processes.ts'
import {readProcesses} from '../../harness/processes/process-table.ts'
import {freePort} from '../check/servers.ts'
import {missingProgram, startProgram, temporaryFolder, testUnless} from '../commands/cli.ts'

const withoutProc =
  detectPlatform().stack === 'linux' ? undefined : 'these tests want the /proc of Linux'
const withoutLsof = withoutProc ?? missingProgram('lsof')

/** A server in a process of its own, that says `up` when it listens. */
async function startServer(t: ExecutionContext, where: string): Promise<number> {
  const program = `require('net').createServer().listen(${where}, () => console.log('up'))`
  const server = startProgram(t, [process.execPath, '-e', program, 'a b'])
  await server.shows(/up/, 'stdout')
  return server.pid
}

testUnless(withoutProc, 'the process that has a listener open is found by its inode', async (t) => {
  const port = await freePort(t)
  const pid = await startServer(t, `${port}, '127.0.0.1'`)
  const sockets = (await readProcNetTcp()).filter(({local}) => local.port === port)
  const {of} = await readProcHolders(port, sockets)
  t.deepEqual(
    sockets.map((socket) => of(socket).map((holder) => holder.pid)),
    [[pid]],
  )
  const [socket] = sockets
  const [holder] = socket === undefined ? [] : of(socket)
  t.is(holder?.uid, process.geteuid?.() ?? -1)
  t.regex(holder?.command ?? '', /createServer.* a b$/)
})

/** Its child has the socket, too, and ends with it. */
const sharing = (port: number) => `
  const server = require('net').createServer().listen(${port}, '127.0.0.1', () => {
    const stdio = ['pipe', 'inherit', 'inherit', server._handle.fd]
    require('child_process').spawn(process.execPath, ['-e', 'process.stdin.resume()'], {stdio})
    console.log('up')
  })`

testUnless(
  withoutLsof,
  'of processes that share a socket the one that started the others comes first',
  async (t) => {
    const port = await freePort(t)
    const server = startProgram(t, [process.execPath, '-e', sharing(port)])
    await server.shows(/up/, 'stdout')
    const child = readProcesses().find(({parent}) => parent === server.pid)?.pid ?? 0
    const [socket] = (await readProcNetTcp()).filter(({local}) => local.port === port)
    const {inode} = socket ?? {}
    if (socket === undefined || inode === undefined) return t.fail('it does not listen')
    const found = findHolders(new Set([inode]), [child, server.pid])
    const {of} = await readLsofHolders(port)
    for (const holders of [found.byInode.get(inode) ?? [], of(socket)]) {
      t.deepEqual(
        holders.map(({pid}) => pid),
        [server.pid, child],
      )
    }
  },
)

testUnless(withoutProc, 'of a very long command line the beginning is told', async (t) => {
  const port = await freePort(t)
  const program = `require('net').createServer().listen(${port}, '127.0.0.1', () => console.log('up'))`
  const long = Array.from({length: 8}, () => 'x'.repeat(100_000))
  const server = startProgram(t, [process.execPath, '-e', program, ...long])
  await server.shows(/up/, 'stdout')
  const sockets = (await readProcNetTcp()).filter(({local}) => local.port === port)
  const {of} = await readProcHolders(port, sockets)
  const [holder] = sockets.flatMap((socket) => of(socket))
  t.is(holder?.pid, server.pid)
  t.is(holder?.command.length, 4096)
  t.regex(holder?.command ?? '', /createServer.* x+$/)
})

test('a listener in another namespace is found where there is no IPv6', async (t) => {
  const proc = temporaryFolder(t)
  for (const [pid, namespace] of [
    ['self', 1],
    ['41', 1],
    ['42', 2],
  ]) {
    mkdirSync(join(proc, `${pid}`, 'ns'), {recursive: true})
    mkdirSync(join(proc, `${pid}`, 'net'))
    symlinkSync(`net:[${namespace}]`, join(proc, `${pid}`, 'ns', 'net'))
    const address = endianness() === 'LE' ? '0100007F' : '7F000001'
    const row = `   0: ${address}:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 0 1`
    writeFileSync(join(proc, `${pid}`, 'net', 'tcp'), `${row}\n`)
  }
  const found = await readListenersElsewhere(8080, proc)
  t.deepEqual(found, [{local: {address: '127.0.0.1', port: 8080}, holders: []}])
})

testUnless(withoutLsof, 'lsof tells of the same processes as /proc', async (t) => {
  const port = await freePort(t)
  const pid = await startServer(t, String(port))
  const sockets = (await readProcNetTcp()).filter(({local}) => local.port === port)
  t.is(sockets.length, 1)
  const [proc, lsof] = await Promise.all([readProcHolders(port, sockets), readLsofHolders(port)])
  for (const socket of sockets) {
    t.deepEqual(lsof.of(socket), proc.of(socket))
    t.is(lsof.of(socket)[0]?.pid, pid)
  }
})

testUnless(withoutLsof, 'a port that nobody has is no error to lsof', async (t) => {
  const {of} = await readLsofHolders(await freePort(t))
  const end = {address: '127.0.0.1', port: 1}
  t.deepEqual(of({state: 'LISTEN', local: end, remote: end, expiresInSeconds: null}), [])
})

for (const [name, read, problem] of [
  ['/proc/net/unix', readProcNetUnix, withoutProc],
  ['lsof', readLsofUnixSockets, withoutLsof],
] as const) {
  testUnless(problem, `${name} shows who listens on the path of a Unix socket`, async (t) => {
    const path = join(temporaryFolder(t), 'a.sock')
    t.deepEqual((await read(path)).sockets, [])
    const pid = await startServer(t, JSON.stringify(path))
    const {sockets} = await read(path)
    t.deepEqual(
      sockets.map(({listening, holders}) => [listening, holders.map((holder) => holder.pid)]),
      [[true, [pid]]],
    )
  })
}

test('lsof -F output is read file by file, with the process and user before it', (t) => {
  const text = [
    'p501',
    'R1',
    'cnode',
    'u502',
    'Lalice',
    'f22',
    'n127.0.0.1:8080->127.0.0.1:51234',
    'TST=ESTABLISHED',
    'TQR=0',
    'f23',
    'n*:8080',
    'TST=LISTEN',
    'p777',
    'cpython3.1',
    'u0',
    'Lroot',
    'f3',
    'n[::1]:8080',
    '',
  ].join('\n')
  const alice = {pid: 501, parent: 1, uid: 502, user: 'alice', program: 'node'}
  t.deepEqual(parseLsof(text), [
    {...alice, name: '127.0.0.1:8080->127.0.0.1:51234', state: 'ESTABLISHED'},
    {...alice, name: '*:8080', state: 'LISTEN'},
    {pid: 777, parent: null, uid: 0, user: 'root', program: 'python3.1', name: '[::1]:8080'},
  ])
})
