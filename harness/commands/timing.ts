import {type Timing, timingSchema} from '../documents/timing-schema.ts'
import {exitStatus} from '../errors.ts'
import type {TimedResidue} from '../platforms/tcp-states.ts'
import type {PortRelease} from '../restart/release.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {openPortPool} from '../sockets/ports.ts'
import {timingDocument} from '../timing/document.ts'
import {measureReleases} from '../timing/measure.ts'
import {tooSlow} from '../too-slow.ts'
import {version} from '../version.ts'
import {type OutputOptions, openOutputs} from './outputs.ts'
import {inSession, type Session} from './session.ts'

export interface TimingOptions extends OutputOptions {
  ports: number
  spread: number
  residue: TimedResidue
  limit: number
  out: string
  label?: string
  quiet?: boolean
}

/** `rebind timing`: how long this machine's operating system keeps ports, over many ports. */
export async function timing(options: TimingOptions): Promise<number> {
  const outputs = await openOutputs(options)
  const problem = nativeOpenerProblem()
  if (problem !== undefined) {
    process.stderr.write(`rebind: timing needs the native opener: ${problem}\n`)
    return exitStatus.failed
  }
  const {out, quiet, label} = options
  return inSession({out, outputs, quiet, label}, async (session) => {
    const document = await timeReleases(options, session)
    return {documents: [document], ...outcomeOf(document, options.limit)}
  })
}

/** The exit status, and what else to say. */
export function outcomeOf(
  {summary, samples}: Pick<Timing, 'summary' | 'samples'>,
  limitSeconds: number,
): {status: number; complaint?: string} {
  const {unexpected, released, expectedSeconds} = summary
  if (unexpected > 0) return {status: exitStatus.unexpected}
  if (released === 0) {
    const hint =
      expectedSeconds === null ? '' : `; allow ${Math.ceil(expectedSeconds[1])} s or more`
    const complaint = `no port became free within ${limitSeconds} s, so there is no distribution${hint} (--limit)`
    return {status: exitStatus.failed, complaint}
  }
  const isLate = ({waitSeconds, asExpected}: Timing['samples'][number]) =>
    waitSeconds !== null && asExpected === null
  const late = samples.filter(isLate).length
  if (late === 0 || expectedSeconds === null) return {status: exitStatus.asExpected}
  const words = `${late} of ${released} released ports were first tried when they may already have been free`
  return {status: exitStatus.failed, complaint: tooSlow(words)}
}

/** Measures. */
export async function timeReleases(
  options: Pick<TimingOptions, 'ports' | 'spread' | 'residue' | 'limit'>,
  session: Session,
): Promise<Timing> {
  const {platform, settings, host, log, origin} = session
  const pool = openPortPool({ephemeralPorts: platform.ephemeralPorts(settings), native: true})
  const range = platform.rules?.release(options.residue, settings)
  const expected = range?.endsBy === 'kernel' ? range : null
  const tell = (text: string) => session.tell(`  ${text}`)

  try {
    const releases = await measureReleases({
      ...options,
      spreadSeconds: options.spread,
      limitSeconds: options.limit,
      platform,
      settings,
      pool,
      interruption: session.interruption,
      onResidue: ({port, appeared}) =>
        log.write('residue', {at: appeared.from, port, state: options.residue}),
      onClosed: (ports) => {
        const when =
          expected === null
            ? 'free at an unknown time'
            : `each free ${expected.residueSeconds.map((seconds) => Number(seconds.toFixed(2))).join(' to ')} s after its closing`
        tell(`${ports} ports closed, left in ${options.residue}; ${when}`)
      },
      onRelease: releaseTeller(options.ports, log, tell),
    })
    const {user, system} = process.cpuUsage()
    return timingSchema.parse(
      timingDocument({
        run: {
          id: session.folder.id,
          startedAt: session.startedAt.toISOString(),
          wallSeconds: session.ended(),
          cpuSeconds: (user + system) / 1e6,
          rebind: version,
          command: session.command,
          ...session.interrupted(),
        },
        host,
        residue: options.residue,
        spreadSeconds: options.spread,
        origin,
        releases,
        expected,
      }),
    )
  } finally {
    pool.close()
  }
}

/** Logs a port's first attempt, last refusal and grant, and says at quarters how many are released. */
function releaseTeller(
  ports: number,
  log: Session['log'],
  tell: (text: string) => void,
): (release: PortRelease) => void {
  let released = 0
  return ({port, attempts, firstAttemptAt, lastRefusedAt, grantedAt}) => {
    const code = 'EADDRINUSE'
    const attempt = (at: number | null, number: number, outcome: 'refused' | 'granted') => {
      if (at === null || number < 1) return
      const refusal = outcome === 'refused' ? {code} : {}
      log.write('bind-attempt', {at, port, attempt: number, outcome, ...refusal})
    }
    if (attempts > 2) attempt(firstAttemptAt, 1, 'refused')
    attempt(lastRefusedAt, attempts - 1, 'refused')
    attempt(grantedAt, attempts, 'granted')
    released++
    if (released === 1 || released === ports) tell(`${released} of ${ports} released`)
  }
}
