import {constants} from 'node:os'
import {fileURLToPath} from 'node:url'
import {monotonicSeconds} from '../clock.ts'
import {detectPlatform} from '../platforms/detect.ts'
import {listenOn} from '../sockets/connection.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {
  bindNative,
  closeNative,
  makeSocket,
  type PortToOpen,
  preparedBind,
  tryBindNative,
} from '../sockets/native.ts'
import {openPortPool, type PortPool} from '../sockets/ports.ts'
import {isSystemError, systemError} from '../sockets/system-error.ts'
import {quantile} from '../timing/summary.ts'
import {type Compiled, compileC} from './compile-c.ts'
import type {BenchRow} from './document.ts'
import {CannotMeasure, type PartOptions, type PartResult, rowOf} from './part.ts'
import {outputOf} from './programs.ts'
import {leaveTimeWaits} from './time-waits.ts'

const address = '127.0.0.1'
const full = {attempts: 20_000, rounds: 7}
const less = {attempts: 500, rounds: 1}
const timesOfC = 1.5

/** Which option a new socket per attempt has; or one socket, bound again and again. */
type Way = 'none' | 'reuseaddr' | 'kept'

interface Case {
  what: string
  way: Way
  /** A refusal is thrown as an error. */
  throws?: true
  /** What the port's predecessor left, and with which option. */
  residue: 'none' | 'reuseaddr' | null
  outcome: 'granted' | 'refused'
  note?: string
}

const cases: readonly Case[] = [
  {what: 'refused over TIME_WAIT', way: 'none', residue: 'none', outcome: 'refused'},
  {
    what: 'refused over TIME_WAIT, thrown as an error',
    way: 'none',
    throws: true,
    residue: 'none',
    outcome: 'refused',
    note: 'creating and throwing an Error takes as long as the bind; only a successor does so, at most once per millisecond',
  },
  {
    what: 'refused over TIME_WAIT, on a socket that stays open',
    way: 'kept',
    residue: 'none',
    outcome: 'refused',
  },
  {
    what: 'granted over TIME_WAIT (SO_REUSEADDR)',
    way: 'reuseaddr',
    residue: 'reuseaddr',
    outcome: 'granted',
  },
  {what: 'granted on a free port', way: 'none', residue: null, outcome: 'granted'},
]

/** How a number of attempts ended, and how long they took. */
interface Attempts {
  granted: number
  refused: number
  seconds: number
}

type Loop = (
  port: number,
  how: Pick<Case, 'way' | 'throws'>,
  attempts: number,
) => Promise<Attempts> | Attempts

/** Part 1: attempts through the native opener against the same system calls from C, and from Python. */
export async function binds({quick, signal, scratch}: PartOptions): Promise<PartResult> {
  const problem = nativeOpenerProblem()
  if (problem !== undefined) throw new CannotMeasure(problem)
  const {attempts, rounds} = quick ? less : full
  const compiled = await compileC('bind-loop', scratch, signal)
  const others: {what: string; loop: Loop | null; problem: string | undefined}[] = [
    {what: 'C', loop: cLoop(compiled, signal), problem: problemOf(compiled)},
    await pythonBaseline(signal),
  ]
  const platform = detectPlatform()
  const pool = openPortPool({
    ephemeralPorts: platform.ephemeralPorts(await platform.readSettings()),
    native: true,
  })
  const rows: BenchRow[] = []
  try {
    for (const each of cases) {
      const port = await preparedPort(each, pool)
      const loops: Loop[] = [ownLoop, ...others.flatMap(({loop}) => loop ?? [])]
      const seconds = loops.map((): number[] => [])
      // A warm-up: code that has not run yet is slow, and so is memory that was never touched.
      await ownLoop(port, each, attempts)
      // In turn, so that whatever else the machine does disturbs them all equally.
      for (let round = 0; round < rounds; round++) {
        for (const [index, loop] of loops.entries()) {
          signal.throwIfAborted()
          const done = await loop(port, each, attempts)
          prove(done, each, attempts)
          seconds[index]?.push(done.seconds / attempts)
        }
      }
      const [own = [], ...measured] = seconds
      for (const {what, loop, problem: reason} of others) {
        const baseline = loop === null ? null : quantile(measured.shift() ?? [], 0.5)
        rows.push(
          rowOf({
            what: each.what,
            unit: 'per-second',
            ours: rate(quantile(own, 0.5)),
            oursRange: [1 / Math.max(...own), 1 / Math.min(...own)],
            baseline: {what, value: rate(baseline)},
            target: what === 'C' ? {of: 'ratio', atMost: timesOfC} : null,
            reason,
            note: what === 'C' ? each.note : undefined,
          }),
        )
      }
    }
  } finally {
    pool.close()
  }
  return {
    how: `Each attempt opens, binds and closes a socket (or binds one that stays open): ${attempts} attempts per round, ${rounds} rounds, in turn with the baselines; medians.`,
    rows,
  }
}

function rate(seconds: number | null): number | null {
  return seconds === null ? null : 1 / seconds
}

async function preparedPort({residue}: Case, pool: PortPool): Promise<number> {
  const port = await pool.take()
  if (residue === null) return port
  const listener = bindNative({address, port, bind: residue})
  listenOn(listener, 1)
  await leaveTimeWaits({listener, address, port, clients: [{address, ports: [await pool.take()]}]})
  return port
}

/** A round with other answers has measured something else. */
function prove({granted, refused}: Attempts, {what, way, outcome}: Case, attempts: number): void {
  const expected = {granted, refused}[outcome]
  if (expected !== attempts) {
    throw new CannotMeasure(
      `${what} (${way}): ${granted} of ${attempts} attempts were granted and ${refused} refused, so another program used the port; try again`,
    )
  }
}

/** As ports are proven and cells tried; as a successor tries (throws); as `rebind timing` does (kept). */
const ownLoop: Loop = (port, {way, throws}, attempts) => {
  if (way === 'kept') return keptLoop(port, attempts)
  const wanted = {address, port, bind: way}
  const attempt = throws === true ? throwingAttempt : tryBindNative
  let granted = 0
  const from = monotonicSeconds()
  for (let left = attempts; left > 0; left--) {
    const fd = attempt(wanted)
    if (fd >= 0) {
      granted++
      closeNative(fd)
    } else if (fd !== -constants.errno.EADDRINUSE) throw systemError('bind', -fd)
  }
  return {granted, refused: attempts - granted, seconds: monotonicSeconds() - from}
}

function throwingAttempt(wanted: PortToOpen): number {
  try {
    return bindNative(wanted)
  } catch (error) {
    if (isSystemError(error)) return error.errno
    throw error
  }
}

function keptLoop(port: number, attempts: number): Attempts {
  const fd = makeSocket({address, bind: 'none'})
  const bind = preparedBind(fd, address, port)
  let granted = 0
  const from = monotonicSeconds()
  for (let left = attempts; left > 0; left--) {
    const errno = bind()
    if (errno === 0) granted++
    else if (errno !== constants.errno.EADDRINUSE) throw systemError('bind', errno)
  }
  const seconds = monotonicSeconds() - from
  closeNative(fd)
  return {granted, refused: attempts - granted, seconds}
}

function cLoop(compiled: Compiled, signal: AbortSignal): Loop | null {
  if ('problem' in compiled) return null
  return foreignLoop([compiled.path], signal)
}

function problemOf(compiled: Compiled): string | undefined {
  return 'problem' in compiled ? compiled.problem : undefined
}

async function pythonBaseline(signal: AbortSignal) {
  const script = fileURLToPath(new URL('bind-loop.py', import.meta.url))
  try {
    const version = await outputOf(['python3', '--version'], {signal})
    return {
      what: version.trim(),
      loop: foreignLoop(['python3', script], signal),
      problem: undefined,
    }
  } catch (error) {
    signal.throwIfAborted()
    const problem = `python3 cannot be run here (${(error as Error).message})`
    return {what: 'Python', loop: null, problem}
  }
}

/** A program that prints: granted refused nanoseconds. Its own start is not counted. */
function foreignLoop(command: readonly string[], signal: AbortSignal): Loop {
  return async (port, {way}, attempts) => {
    const said = await outputOf([...command, address, `${port}`, way, `${attempts}`], {signal})
    const [granted = 0, refused = 0, nanoseconds = 0] = said.split(' ').map(Number)
    return {granted, refused, seconds: nanoseconds / 1e9}
  }
}
