import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {connect, createServer, type ListenOptions, Server, type Socket} from 'node:net'
import test from 'ava'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {NoFreePort, openPortPool, type PortPool} from '../../harness/sockets/ports.ts'
import {missingProgram, startProgram} from '../commands/cli.ts'
import {needs} from '../needs.ts'

const platform = detectPlatform()
const native = nativeOpenerProblem() === undefined
const withNative = needs(nativeOpenerProblem(), test.serial)
/**
 * So wide an ephemeral range leaves a pool only the first 128 ports, which a test can use up. The pools of other
 * tests, which run meanwhile, prefer ports from 10,000 on.
 */
const fewPorts = {ephemeralPorts: [1152, 65_535] as [number, number], native}
const firstPorts = 128

async function takeAll(pool: PortPool): Promise<{ports: number[]; error: Error}> {
  const ports: number[] = []
  for (;;) {
    try {
      ports.push(await pool.take())
    } catch (error) {
      return {ports, error: error as Error}
    }
  }
}

async function takeAllOnce(): Promise<number[]> {
  const pool = openPortPool(fewPorts)
  const {ports} = await takeAll(pool)
  pool.close()
  return ports
}

test.serial('ports lie outside the range of outgoing connections', async (t) => {
  const ephemeralPorts = platform.ephemeralPorts(await platform.readSettings())
  const pool = openPortPool({ephemeralPorts, native})
  t.teardown(() => pool.close())
  const ports = await Promise.all(Array.from({length: 100}, () => pool.take()))
  t.is(new Set(ports).size, ports.length)
  const [first, last] = ephemeralPorts
  t.deepEqual(
    ports.filter((port) => port < 1024 || (port >= first && port <= last)),
    [],
  )
})

test.serial('a pool that is used up says so, with its range and what to do', async (t) => {
  const pool = openPortPool(fewPorts)
  t.teardown(() => pool.close())
  const {ports, error} = await takeAll(pool)
  t.true(ports.length > 0 && ports.length <= firstPorts)
  t.true(ports.every((port) => port < 1152))
  t.true(error instanceof NoFreePort)
  t.regex(error.message, /^no free port outside the ephemeral range 1152-65535; wait a minute/)
})

test.serial('two pools at once never hand out the same port', async (t) => {
  const pools = [openPortPool(fewPorts), openPortPool(fewPorts)]
  t.teardown(() => {
    for (const pool of pools) pool.close()
  })
  const taken = (await Promise.all(pools.map(takeAll))).flatMap(({ports}) => ports)
  t.true(taken.length > 0)
  t.is(new Set(taken).size, taken.length)
})

test.serial(
  'pools of two processes never hand out the same port; an ended one frees its',
  async (t) => {
    const module = new URL('../../harness/sockets/ports.ts', import.meta.url).href
    const program = `
    const {openPortPool} = await import(${JSON.stringify(module)})
    const pool = openPortPool(${JSON.stringify(fewPorts)})
    const ports = []
    try { for (;;) ports.push(await pool.take()) } catch {}
    console.log(JSON.stringify(ports))
    process.stdin.resume() // keeps the pool until its process is ended`
    const takeInChild = async () => {
      const child = spawn(
        process.execPath,
        ['--import=tsx', '--input-type=module', '--eval', program],
        {stdio: ['pipe', 'pipe', 'inherit']},
      )
      t.teardown(() => child.kill('SIGKILL'))
      let text = ''
      while (!text.includes('\n')) text += (await once(child.stdout, 'data'))[0]
      return {child, ports: JSON.parse(text) as number[]}
    }
    const children = await Promise.all([takeInChild(), takeInChild()])
    const taken = children.flatMap(({ports}) => ports)
    t.true(taken.length > 0)
    t.is(new Set(taken).size, taken.length)
    t.deepEqual(
      (await takeAllOnce()).filter((port) => taken.includes(port)),
      [],
    )

    const ended = children.map(({child}) => once(child, 'exit'))
    for (const {child} of children) child.kill('SIGKILL')
    await Promise.all(ended)
    t.true((await takeAllOnce()).some((port) => taken.includes(port)))
  },
)

test.serial('a port that somebody listens on is not handed out', async (t) => {
  const [port = 0] = await takeAllOnce()
  const server = createServer().listen(port, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  t.false((await takeAllOnce()).includes(port))
})

withNative('a port with a TIME_WAIT is not handed out', async (t) => {
  const [port = 0] = await takeAllOnce()
  const server = createServer({allowHalfOpen: true}).listen(port, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const client = connect({host: '127.0.0.1', port, allowHalfOpen: true})
  const [socket] = (await accepted) as [Socket]
  const bothClosed = Promise.all([once(socket, 'close'), once(client, 'close')])
  socket.resume().end()
  await once(client.resume(), 'end')
  client.end()
  await bothClosed
  server.close()
  await once(server, 'close')
  const ports = await takeAllOnce()
  t.true(ports.length > 0)
  t.false(ports.includes(port))
})

/** So wide a range leaves the first 32 unprivileged ports, which no other test uses. */
const firstBlock = {ephemeralPorts: [1056, 65_535] as [number, number], native: false}
const portInUse = 1040

for (const host of ['0.0.0.0', '127.0.0.1', '::1', '::']) {
  test.serial(
    `without the native opener a port with a listener on ${host} is not handed out`,
    async (t) => {
      const server = createServer().listen({port: portInUse, host, ipv6Only: true})
      const [error] = await Promise.race([once(server, 'listening'), once(server, 'error')])
      if (error !== undefined) {
        t.log(`not tried: ${error}`)
        t.pass()
        return
      }
      t.teardown(() => server.close())
      const pool = openPortPool(firstBlock)
      const {ports} = await takeAll(pool)
      pool.close()
      t.true(ports.length > 0)
      t.false(ports.includes(portInUse))
    },
  )
}

test.serial('without the native opener a port is proven free on loopback only', async (t) => {
  const {listen} = Server.prototype
  const hosts = new Set<string | undefined>()
  Server.prototype.listen = function (this: Server, options: ListenOptions) {
    hosts.add(options.host)
    return listen.call(this, options)
  } as typeof listen
  t.teardown(() => {
    Server.prototype.listen = listen
  })
  const pool = openPortPool(firstBlock)
  t.teardown(() => pool.close())
  await pool.take()
  t.deepEqual([...hosts], ['127.0.0.1', '::1'])
})

const withPrlimit = needs(missingProgram('prlimit'), test.serial)

withPrlimit(
  'a pool that may open no further file says so, and not that no port is free',
  async (t) => {
    const module = new URL('../../harness/sockets/ports.ts', import.meta.url).href
    // Room for the lock, and for no socket that proves a port free.
    const program = `
    const {closeSync, openSync} = await import('node:fs')
    const {openPortPool} = await import(${JSON.stringify(module)})
    const fds = []
    try { for (;;) fds.push(openSync('/dev/null', 'r')) } catch {}
    closeSync(fds.pop())
    await openPortPool(${JSON.stringify(firstBlock)}).take().catch(({code}) => console.log(code))`
    const node = [process.execPath, '--import=tsx', '--input-type=module', '--eval', program]
    const {stdout, stderr} = await startProgram(t, ['prlimit', '--nofile=100', ...node]).ended
    t.is(stdout, 'EMFILE\n', stderr)
  },
)
