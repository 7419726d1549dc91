/** When a restart must not be called safe, and when it must. */
import {existsSync, readFileSync} from 'node:fs'
import test from 'ava'
import type {CheckListeners} from '../../harness/check/context.ts'
import {missingProgram, testUnless} from '../commands/cli.ts'
import {cpuGroupProblem, makeCpuGroup, spending} from '../cpu-group.ts'
import {check, onlyRound, program, shortWait} from './servers.ts'

const imports = `
  import {spawn} from 'node:child_process'
  import {createServer} from 'node:net'
  import {existsSync, readFileSync, writeFileSync} from 'node:fs'
  const marker = new URL('marker', import.meta.url)
  const isFirst = !existsSync(marker)
  if (isFirst) writeFileSync(marker, String(process.pid))
  const port = Number(process.env.PORT)
  const server = createServer((socket) => socket.on('error', () => {}))
`

test('a server that listens, and then ends because its second port is in use, is not safe', async (t) => {
  const source = `${imports}
    // The new one is watched for as long as the first one took.
    setTimeout(() => server.listen(port, '127.0.0.1'), isFirst ? 2000 : 0)
    const end = () => {
      console.error('Error: listen EADDRINUSE: address already in use 127.0.0.1:9')
      process.exit(1)
    }
    if (!isFirst) server.once('connection', () => setTimeout(end, 100))
  `
  const document = await check(t, ['node', program(t, 'server.mjs', source)], shortWait)
  const round = onlyRound(t, document)
  t.false(document.safe)
  t.is(round.verdict, 'blocked')
  t.is(round.outageSeconds, null)
  const [error] = round.errors
  t.is(error?.kind, 'ended-after-listening')
  t.is(error?.exitStatus, 1)
  t.regex(error?.lines.join() ?? '', /EADDRINUSE/)
  t.is(document.reuseaddr.set, null, 'its own port was not refused')
  t.regex(document.advice.join('\n'), /second port/)
})

test('who listened is told with the times, from the predecessor on', async (t) => {
  const document = await check(
    t,
    [
      'node',
      program(
        t,
        'server.mjs',
        `${imports}
    server.listen(port, '127.0.0.1')
  `,
      ),
    ],
    {rounds: 2},
  )
  t.true(document.safe, JSON.stringify(document))
  const spans = document.rounds.map(({listened}) => listened ?? [])
  for (const round of spans) {
    const [old, young, ...others] = round
    t.deepEqual(others, [])
    t.true((old?.from ?? 0) < (old?.to ?? 0))
    t.true((old?.to ?? 0) < (young?.from ?? 0))
    t.true((young?.to ?? 0) - (young?.from ?? 0) >= 0.4, 'it was watched')
  }
  const [first, second] = spans
  t.is(first?.[1]?.pid, second?.[0]?.pid)
  t.is(first?.[1]?.from, second?.[0]?.from)
})

const reuseport = `
import os, signal, socket, sys, time
if os.fork():
    os.wait()
    sys.exit()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind(('127.0.0.1', int(os.environ['PORT'])))
server.listen()
kept = []
while True:
    kept.append(server.accept())
`

testUnless(
  missingProgram('python3'),
  'an old listener that goes on beside the new one, by SO_REUSEPORT, is not safe, and it is said who it is',
  async (t) => {
    const document = await check(t, ['python3', program(t, 'server.py', reuseport)], shortWait)
    const round = onlyRound(t, document)
    t.false(document.safe)
    t.is(round.verdict, 'blocked')
    t.is(round.errors[0]?.kind, 'beside-old')
    const [survivor] = round.survivors.filter(({listening}) => listening)
    t.true(survivor?.command.includes('server.py'))
    const advice = document.advice.join('\n')
    t.true(advice.includes(`still running and listening: pid ${survivor?.pid}`))
    t.regex(advice, /SO_REUSEPORT/)
    t.true(round.listened?.some(({pid}) => pid === survivor?.pid))
  },
)

test('a server that the old supervisor starts again is an old one, though it began after the restart', async (t) => {
  const source = `${imports}
    const self = process.argv[1]
    const [role] = process.argv.slice(2)
    const second = new URL('second', import.meta.url)
    if (role === undefined && !isFirst) writeFileSync(second, '')
    if (role === 'server') server.listen(port, '127.0.0.1')
    else if (role === 'supervisor') {
      // It has not ended before the second start has begun.
      const again = () => (existsSync(second) ? start() : setTimeout(again, 20))
      const start = () => {
        const {pid} = spawn('node', [self, 'server'], {stdio: 'ignore'}).once('exit', again)
        writeFileSync(new URL('server-pid', import.meta.url), String(pid))
      }
      start()
    } else {
      setInterval(() => {}, 1000)
      // The second start runs, and leaves the port to the first one's.
      if (isFirst) spawn('node', [self, 'supervisor'], {detached: true, stdio: 'ignore'})
      process.on('SIGTERM', () => {
        process.kill(Number(readFileSync(new URL('server-pid', import.meta.url), 'utf8')))
        process.exit(0)
      })
    }
  `
  const file = program(t, 'server.mjs', source)
  const document = await check(t, ['node', file], {limitSeconds: 10})
  const round = onlyRound(t, document)
  t.false(document.safe)
  t.is(round.verdict, 'blocked')
  const listening = round.survivors.filter((each) => each.listening)
  t.true(listening.some(({command}) => command.endsWith(`${file} server`)))
  t.regex(document.advice.join('\n'), /An old process is still running and listening/)
})

const words = 'POST /users: e-mail address already in use'

test('words about something else that is in use are no proof against a start in its usual time', async (t) => {
  const source = `${imports}
    server.listen(port, '127.0.0.1', () => { if (!isFirst) console.error('${words}') })
  `
  const document = await check(t, ['node', program(t, 'server.mjs', source)])
  t.deepEqual(onlyRound(t, document).errors, [])
  t.true(document.safe, JSON.stringify(document))
  t.is(document.reuseaddr.set, true)
})

test('words of a server that listens already are no proof, however long its start took', async (t) => {
  const source = `${imports}
    const open = () =>
      server.listen(port, '127.0.0.1', () => { if (!isFirst) console.error('${words}') })
    setTimeout(open, isFirst ? 0 : 1500)
  `
  const document = await check(t, ['node', program(t, 'server.mjs', source)])
  t.deepEqual(onlyRound(t, document).errors, [])
  t.true(document.safe, JSON.stringify(document))
  t.is(document.reuseaddr.set, true)
})

test.serial(
  'words that the check had no time to hold against the listener at once are no proof either',
  async (t) => {
    const source = `${imports}
    const open = () =>
      server.listen(port, '127.0.0.1', () => { if (!isFirst) console.error('${words}') })
    setTimeout(open, isFirst ? 0 : 1500)
  `
    const command = ['node', program(t, 'server.mjs', source)]
    const onOutput = ({text}: {text: string}) => {
      // Longer than a server takes that tries again.
      if (text.includes(words)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600)
    }
    const round = onlyRound(t, await check(t, command, {}, {onOutput}))
    t.deepEqual(round.errors, [])
  },
)

const group = `rebind-verdict-${process.pid}`

testUnless(
  await cpuGroupProblem(group),
  'what a start waits for a processor is no sign of its trying again, whatever it writes',
  async (t) => {
    const slow = makeCpuGroup(group, 5)
    t.teardown(() => slow.remove())
    const source = `${imports}
      if (!isFirst) {
        console.error('${words}')
        writeFileSync('${slow.processes}', String(process.pid))
        ${spending(100)}
      }
      server.listen(port, '127.0.0.1')
    `
    const document = await check(t, ['node', program(t, 'server.mjs', source)])
    const round = onlyRound(t, document)
    t.true((round.outageSeconds ?? 0) > 1)
    t.deepEqual(round.errors, [])
    t.true(document.safe, JSON.stringify(document))
  },
)

testUnless(
  await cpuGroupProblem(group),
  'a server that had no processor while an old listener went could not be measured',
  async (t) => {
    const slow = makeCpuGroup(`${group}-late`, 5)
    t.teardown(() => slow.remove())
    const source = `${imports}
      const began = new URL('began', import.meta.url)
      const second = new URL('second', import.meta.url)
      if (process.argv[2] === 'server') {
        server.listen(port, '127.0.0.1', () =>
          writeFileSync(began, String(Date.now() - Number(process.argv[3]))),
        )
        // Long enough to be seen when the second one begins, which on a slow machine may be late.
        process.on('disconnect', () => {
          const took = Number(readFileSync(began, 'utf8'))
          const looking = setInterval(() => {
            if (!existsSync(second)) return
            clearInterval(looking)
            setTimeout(() => process.exit(), 1500 + 2 * took)
          }, 20)
        })
      } else if (isFirst) {
        const args = [process.argv[1], 'server', String(Math.round(performance.timeOrigin))]
        spawn('node', args, {stdio: ['ignore', 'inherit', 'inherit', 'ipc']})
      } else {
        writeFileSync(second, '')
        writeFileSync('${slow.processes}', String(process.pid))
        // Longer than the first start took and than the old one stays, on whatever machine, and soon enough for one attempt.
        const milliseconds = 3000 + 3 * Number(readFileSync(began, 'utf8'))
        while (performance.now() < milliseconds);
        server.listen(port, '127.0.0.1')
      }
    `
    const document = await check(t, ['node', program(t, 'server.mjs', source)])
    t.false(document.safe, JSON.stringify(document))
    t.is(document.problem?.kind, 'too-slow')
    t.regex(document.problem?.message ?? '', /^too slow here: .* waited for a CPU/)
  },
)

test('words that the first start wrote as well are ignored, however long the second start takes', async (t) => {
  const source = `${imports}
    console.error('${words}')
    setTimeout(() => server.listen(port, '127.0.0.1'), isFirst ? 0 : 1500)
  `
  const document = await check(t, ['node', program(t, 'server.mjs', source)])
  t.deepEqual(onlyRound(t, document).errors, [])
  t.true(document.safe, JSON.stringify(document))
  t.is(document.reuseaddr.set, true)
})

/**
 * Tries again in silence until its port is free. The old one stays until the new one has met it, and then for longer
 * than both processes of a start take on this machine. The new one writes a file once it listens.
 */
const patient = `${imports}
  const self = process.argv[1]
  const refused = self + '.refused'
  if (process.argv[2] === 'server') {
    const open = () => server.listen(port, '127.0.0.1')
    server.on('error', () => {
      writeFileSync(refused, '')
      setTimeout(open, 50)
    })
    open()
    // Long beside what both processes of a start take on this machine. The new server must have met the old one:
    // on a slow machine it may begin long after the old command was stopped.
    server.once('listening', () => {
      if (existsSync(refused)) return writeFileSync(self + '.listens', '')
      const milliseconds = 1500 + 2 * (Date.now() - Number(process.argv[3]))
      process.on('disconnect', () => {
        const looking = setInterval(() => {
          if (!existsSync(refused)) return
          clearInterval(looking)
          setTimeout(() => process.exit(), milliseconds)
        }, 20)
      })
    })
  } else {
    const args = [self, 'server', String(Math.round(performance.timeOrigin))]
    spawn('node', args, {stdio: ['ignore', 'inherit', 'inherit', 'ipc']})
  }
`

test('a server that tries again by itself, in silence, until an old process is gone is delayed', async (t) => {
  const document = await check(t, ['node', program(t, 'server.mjs', patient)])
  t.false(document.safe)
  // A machine that has no processor for it for seconds cannot tell; safe it must never be.
  if (document.problem?.kind === 'too-slow') return
  const round = onlyRound(t, document)
  t.is(round.verdict, 'delayed', JSON.stringify(round))
  t.is(round.attempts, 1)
  t.is(round.errors[0]?.kind, 'listening')
  t.true((round.waitSeconds ?? 0) > 1)
})

/** Blocks this process, as if it had no processor: what goes on until the new server listens is not seen. */
function sleepUntilItListens(file: string): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  while (!existsSync(`${file}.listens`)) Atomics.wait(sleeper, 0, 0, 20)
}

const begun = [
  ['before', (sleep: () => void) => sleep()],
  // The first look takes some milliseconds.
  ['after', (sleep: () => void) => void setTimeout(sleep, 150)],
] as const
for (const [when, then] of begun) {
  // By itself: nothing else goes on in this process meanwhile.
  test.serial(
    `an old process that went while we did not look, from ${when} the first look on, may have been in the way: that could not be measured`,
    async (t) => {
      const file = program(t, 'server.mjs', patient)
      const onEvent: CheckListeners['onEvent'] = (event, {role, change}) => {
        if (event !== 'process' || role !== 'successor' || change !== 'started') return
        then(() => sleepUntilItListens(file))
      }
      const document = await check(t, ['node', file], {}, {onEvent})
      t.false(document.safe, JSON.stringify(document))
      t.is(document.problem?.kind, 'too-slow', JSON.stringify(document))
    },
  )
}

test('a server that ended by itself before it was told to could not be measured', async (t) => {
  const source = `${imports}
    server.on('connection', (socket) => socket.once('data', () => { console.log('bye'); process.exit(0) }))
    server.listen(port, '127.0.0.1')
  `
  // What is sent is waited for: the check does not stop it before it has ended, or is about to.
  const send = Buffer.from('hello')
  const document = await check(t, ['node', program(t, 'server.mjs', source)], {send})
  t.false(document.safe)
  t.is(document.problem?.kind, 'exited')
  t.regex(
    document.problem?.message ?? '',
    /exited with status 0 by itself, before it was told to.*bye/,
  )
  t.regex(document.problem?.remedy ?? '', /--stop none/)
})

const full = `
import os, socket, time
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
end = ('127.0.0.1', int(os.environ['PORT']))
server.bind(end)
if os.path.exists('marker'):
    # A queue for one, and nobody is taken out of it.
    server.listen(0)
    kept = []
    for _ in range(4):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(end)
        kept.append(client)
    time.sleep(600)
open('marker', 'w')
server.listen()
kept = []
while True:
    kept.append(server.accept())
`

testUnless(
  missingProgram('python3'),
  'a server that listens, but lets no client in, is not safe',
  async (t) => {
    const file = program(t, 'server.py', full)
    const cwd = file.replace(/server\.py$/, '')
    const document = await check(t, ['python3', file], {cwd, limitSeconds: 4})
    const round = onlyRound(t, document)
    t.false(document.safe)
    t.is(round.verdict, 'blocked')
    t.is(round.errors[0]?.kind, 'not-let-in')
    t.is(readFileSync(`${cwd}marker`, 'utf8'), '')
  },
)

/** Accepts clients, and when started again does what is given. */
const serving = (again: string) => `
import os, socket, time
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(('127.0.0.1', int(os.environ['PORT'])))
server.listen()
isFirst = not os.path.exists('marker')
open('marker', 'w')
if not isFirst:
    ${again}
while True:
    server.accept()[0].recv(9)
`

testUnless(
  missingProgram('python3') ??
    (process.platform === 'linux' ? undefined : 'only Linux shows who is accepted'),
  'a server that completes handshakes, and accepts nobody, is not safe',
  async (t) => {
    const file = program(t, 'server.py', serving('time.sleep(600)'))
    const cwd = file.replace(/server\.py$/, '')
    const document = await check(t, ['python3', file], {cwd, limitSeconds: 4})
    const round = onlyRound(t, document)
    t.false(document.safe)
    t.is(round.verdict, 'blocked')
    t.is(round.errors[0]?.kind, 'not-let-in')
    t.is(round.outageSeconds, null)
  },
)

testUnless(
  missingProgram('python3') ??
    (process.platform === 'linux' ? undefined : 'only Linux shows who is accepted'),
  'the outage lasts until a client is accepted, not until the kernel completes its handshake',
  async (t) => {
    const file = program(t, 'server.py', serving('time.sleep(1)'))
    const cwd = file.replace(/server\.py$/, '')
    const document = await check(t, ['python3', file], {cwd})
    t.true(document.safe, JSON.stringify(document))
    t.true((onlyRound(t, document).outageSeconds ?? 0) >= 1)
  },
)

testUnless(
  missingProgram('python3') ??
    (process.platform === 'linux' ? undefined : 'only Linux has TCP_DEFER_ACCEPT'),
  'a server whose kernel gives it no client that says nothing is safe',
  async (t) => {
    const deferring = serving('pass').replace(
      'server.listen()',
      'server.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 600)\nserver.listen()',
    )
    const file = program(t, 'server.py', deferring)
    const document = await check(t, ['python3', file], {cwd: file.replace(/server\.py$/, '')})
    t.true(document.safe, JSON.stringify(document))
  },
)
