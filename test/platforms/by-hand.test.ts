/** The lines that a report tells its readers are run here, by a shell, against real sockets. */
import {execFile} from 'node:child_process'
import {once} from 'node:events'
import {type AddressInfo, createServer} from 'node:net'
import test, {type ExecutionContext} from 'ava'
import {byHand} from '../../harness/platforms/by-hand.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import type {TcpState} from '../../harness/platforms/tcp-states.ts'
import {leaveResidue} from '../../harness/restart/residue.ts'
import {freePort} from '../check/servers.ts'
import {missingProgram, notInstalled, testUnless} from '../needs.ts'

const {stack, readSockets} = detectPlatform()

function shell(line: string): Promise<string> {
  return new Promise((resolve) => execFile('sh', ['-c', line], (_, stdout) => resolve(stdout)))
}

/** A residue of this state on a port; a listener is one, too. */
async function leave(t: ExecutionContext, state: TcpState): Promise<number> {
  if (state === 'LISTEN') {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    return (server.address() as AddressInfo).port
  }
  const port = await freePort(t)
  const {dispose} = await leaveResidue(port, state === 'TIME_WAIT' ? 'TIME_WAIT' : 'FIN_WAIT2')
  t.teardown(dispose)
  const isPassing = async () =>
    (await readSockets?.({ports: [port]}))?.some(
      ({local, state}) => local.port === port && state === 'FIN_WAIT1',
    )
  // The acknowledgement of a FIN can be delayed by 40 ms.
  while (await isPassing());
  return port
}

/** In a row of its answer, besides the port; ss leaves the state out that it was asked for. */
const marks: Record<string, Partial<Record<TcpState, RegExp>>> = {
  ss: {TIME_WAIT: /timewait/, FIN_WAIT2: /127\.0\.0\.1/, LISTEN: /127\.0\.0\.1/},
  netstat: {TIME_WAIT: /TIME_WAIT/, FIN_WAIT2: /FIN_WAIT_?2/, LISTEN: /LISTEN/},
  grep: {TIME_WAIT: / 06 /, FIN_WAIT2: / 05 /, LISTEN: / 0A /},
  lsof: {LISTEN: /LISTEN/},
}

for (const tool of byHand[stack]) {
  const program = tool.line({port: 1, endpoint: 'server', state: 'LISTEN'}).split(' ', 1)[0] ?? ''
  const missing = missingProgram(program) === undefined ? undefined : notInstalled(program)
  for (const state of ['TIME_WAIT', 'FIN_WAIT2', 'LISTEN'] as const) {
    const hides = tool.cannot(state) !== undefined
    testUnless(missing, `${program} ${hides ? 'does not show' : 'shows'} ${state}`, async (t) => {
      const port = await leave(t, state)
      const answer = await shell(tool.line({port, endpoint: 'server', state}))
      const mark = marks[program]?.[state] ?? new RegExp(state)
      const rows = answer.split('\n').filter((row) => mark.test(row))
      t.is(rows.length > 0, !hides, answer)
    })
  }
}

test('ss is asked for states by its own names, and for a client by the port it connected to', (t) => {
  const [ss] = byHand.linux
  const line = (state: TcpState, endpoint: 'server' | 'client' = 'server') =>
    ss?.line({port: 8088, endpoint, state})
  t.is(line('TIME_WAIT'), "ss -tano state time-wait 'sport = :8088'")
  t.is(line('FIN_WAIT2'), "ss -tano state fin-wait-2 'sport = :8088'")
  t.is(line('LISTEN'), "ss -tano state listening 'sport = :8088'")
  t.is(line('LAST_ACK', 'client'), "ss -tano state last-ack 'dport = :8088'")
})
