import test from 'ava'
import {fillOptions} from '../../harness/check/options.ts'
import {checkReload} from '../../harness/check/reload.ts'
import {UsageError} from '../../harness/errors.ts'
import {checkView} from '../../harness/views/check.ts'
import {testUnless} from '../commands/cli.ts'
import {cpuGroupProblem, makeCpuGroup, spending} from '../cpu-group.ts'
import {check, freePort, onlyRound, program, shortWait} from './servers.ts'

/** Listens on its port, and on another one. */
const twoPorts = `
  import {createServer} from 'node:net'
  for (const port of [process.env.PORT, process.env.OTHER]) {
    createServer((socket) => socket.on('error', () => {}).resume()).listen(Number(port), '127.0.0.1')
  }
`

test('a server that gets both of its ports back is safe', async (t) => {
  const other = await freePort(t)
  const command = ['node', program(t, 'server.mjs', twoPorts)]
  const document = await check(t, command, {alsoPorts: [other], env: {OTHER: String(other)}})
  onlyRound(t, document)
  t.true(document.safe, JSON.stringify(document))
  t.deepEqual(document.ports, [document.port, other])
  t.is(
    checkView(document).heading,
    `Rebind check of ${command.join(' ')} on 127.0.0.1:${document.port} and ${other}`,
  )
})

test('one that listens on its second port much later each time is safe', async (t) => {
  const other = await freePort(t)
  const text = `
    import {createServer} from 'node:net'
    const open = (port) =>
      createServer((socket) => socket.on('error', () => {}).resume()).listen(Number(port), '127.0.0.1')
    open(process.env.PORT)
    setTimeout(open, 2500, process.env.OTHER)
  `
  const command = ['node', program(t, 'server.mjs', text)]
  const given = {alsoPorts: [other], env: {OTHER: String(other)}, limitSeconds: 10}
  const document = await check(t, command, given)
  t.is(onlyRound(t, document).verdict, 'immediate')
  t.true(document.safe, JSON.stringify(document))
})

const group = `rebind-other-ports-${process.pid}`

testUnless(
  await cpuGroupProblem(group),
  'so is one that does so because it had no processor',
  async (t) => {
    const slow = makeCpuGroup(group, 5)
    t.teardown(() => slow.remove())
    const other = await freePort(t)
    // From the second start on, once it has a client: of a tenth of a second of a processor two are made.
    const text = `
    import {existsSync, writeFileSync} from 'node:fs'
    import {createServer} from 'node:net'
    const marker = new URL('marker', import.meta.url)
    const isFirst = !existsSync(marker)
    writeFileSync(marker, '')
    const open = (port) =>
      createServer((socket) => socket.on('error', () => {}).resume()).listen(Number(port), '127.0.0.1')
    const openOther = () => {
      writeFileSync('${slow.processes}', String(process.pid))
      ${spending(100)}
      open(process.env.OTHER)
    }
    const server = open(process.env.PORT)
    if (isFirst) open(process.env.OTHER)
    else server.once('connection', openOther)
  `
    const command = ['node', program(t, 'server.mjs', text)]
    const document = await check(t, command, {alsoPorts: [other], env: {OTHER: String(other)}})
    const round = onlyRound(t, document)
    t.deepEqual(round.errors, [])
    t.is(round.verdict, 'immediate')
  },
)

test('one that does without its second port, which an old child still has, is not', async (t) => {
  const other = await freePort(t)
  const text = `
    import {spawn} from 'node:child_process'
    import {createServer} from 'node:net'
    const holder = \`require('node:net').createServer().listen(\${process.env.OTHER}, '127.0.0.1')\`
    spawn(process.execPath, ['-e', holder], {stdio: 'inherit'})
    createServer((socket) => socket.on('error', () => {}).resume()).listen(Number(process.env.PORT), '127.0.0.1')
  `
  const command = ['node', program(t, 'server.mjs', text)]
  const given = {...shortWait, alsoPorts: [other], env: {OTHER: String(other)}}
  const round = onlyRound(t, await check(t, command, given))
  t.is(round.verdict, 'blocked')
  t.is(round.errors[0]?.kind, 'not-on-all-ports')
  t.is(round.errors[0]?.what, `listened, but not on port ${other}`)
  t.regex(round.errors[0]?.lines.join('\n') ?? '', /EADDRINUSE/)
})

test('a server that never listens on a port that was named is not restarted', async (t) => {
  const [port, other] = [await freePort(t), await freePort(t)]
  const command = ['node', program(t, 'server.mjs', twoPorts)]
  const given = {port, alsoPorts: [other], env: {OTHER: '0'}, startTimeoutSeconds: 2}
  const {problem, rounds} = await check(t, command, given)
  t.deepEqual(rounds, [])
  t.is(problem?.kind, 'other-port')
  t.regex(problem?.message ?? '', new RegExp(`on port ${port}, but not on ${other} within 2 s`))
})

test('a reload after which nobody listens on the second port is not safe', async (t) => {
  const [port, other] = [await freePort(t), await freePort(t)]
  const text = `
    import cluster from 'node:cluster'
    import {createServer} from 'node:http'
    if (cluster.isPrimary) {
      const env = {WITH_OTHER: 'yes'}
      const old = cluster.fork(env)
      process.on('SIGHUP', () => cluster.fork().on('listening', () => old.disconnect()))
    } else {
      const ports = process.env.WITH_OTHER ? [process.env.PORT, process.env.OTHER] : [process.env.PORT]
      for (const port of ports) {
        createServer((request, response) => response.end('hello')).listen(Number(port), '127.0.0.1')
      }
    }
  `
  const document = await checkReload({
    ...{command: ['node', program(t, 'server.mjs', text)], port, alsoPorts: [other], http: '/'},
    ...{triggers: [['kill', '-HUP', '{pid}']], env: {OTHER: String(other)}},
  })
  t.is(document.problem, undefined)
  t.deepEqual(document.trigger?.missingPorts, [other])
  t.false(document.safe)
  t.is(
    checkView(document).verdict?.text,
    `NOT SAFE: the new server does not listen on port ${other}`,
  )
})

test('a reload after which an old process alone has the second port is not safe', async (t) => {
  const [port, other] = [await freePort(t), await freePort(t)]
  const text = `
    import {spawn} from 'node:child_process'
    import {createServer} from 'node:http'
    const {PORT, OTHER, NEXT} = process.env
    const listen = (port) =>
      createServer((request, response) => response.end('hello')).listen(Number(port), '127.0.0.1')
    const server = listen(PORT)
    if (NEXT === undefined) listen(OTHER)
    process.on('SIGHUP', () => {
      server.close()
      const env = {...process.env, NEXT: 'yes'}
      spawn(process.execPath, [import.meta.filename], {env, stdio: 'inherit'})
    })
  `
  const document = await checkReload({
    ...{command: ['node', program(t, 'server.mjs', text)], port, alsoPorts: [other], http: '/'},
    ...{triggers: [['kill', '-HUP', '{pid}']], env: {OTHER: String(other)}},
  })
  t.true(document.trigger?.reloaded)
  t.deepEqual(document.trigger?.missingPorts, [other])
  t.false(document.safe)
})

test('a port that is named twice is refused', (t) => {
  const given = {command: ['node'], port: 3000, alsoPorts: [3000]}
  t.throws(() => fillOptions(given), {instanceOf: UsageError, message: /given twice/})
})
