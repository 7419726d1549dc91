import type {Platform, Settings} from '../platforms/platform.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import type {Expected, Result, ServerReport} from '../reports/schema.ts'
import type {Residue} from '../scenario.ts'

export interface Question {
  platform: Platform
  settings: Settings
  residue: Residue
  predecessor: ServerReport
  successor: ServerReport
  limitSeconds: number
}

/** What the platform's rules and releases say of a restart; null where it has none. */
export function expectation(question: Question): Expected | null {
  const {platform, settings, residue, predecessor, successor, limitSeconds} = question
  const {rules} = platform
  if (rules === null) return null
  const rule = rules.bind({residue: residue.server, predecessor, successor})
  const {because, source} = rule
  if (rule.outcome === 'granted') {
    return {verdict: 'immediate', residue: residue.server, because, source}
  }
  const refused = {code: rule.outcome, errno: rules.errno[rule.outcome], residue: residue.server}
  const release = lastRelease(rules, residue, settings)
  if (release === undefined || release.endsBy === 'process') {
    return {verdict: 'delayed', ...refused, because, source}
  }
  const {residueSeconds} = release
  return {
    verdict: limitSeconds < residueSeconds[0] ? 'blocked' : 'delayed',
    ...refused,
    residueSeconds,
    because,
    source: `${source}; ${release.source}`,
  }
}

/** The release of the residue that is the last to go: what the first one turns into, if it does. */
function lastRelease(rules: NonNullable<Platform['rules']>, residue: Residue, settings: Settings) {
  const last: TcpState | 'none' = residue.later ?? residue.server
  return last === 'none' ? undefined : rules.release(last, settings)
}

/** What was observed, as far as judging needs it. */
export interface Observed {
  residue: Result['residue']
  bind: Result['bind']
  /** Between which bounds the true residue time lies; no upper one if the port was never granted. */
  residueTime: [min: number, max: number] | null
  /** False if the limit came before the script had done what releases the port. */
  scriptDone: boolean
}

/** Why the observation contradicts the expectation, or undefined if it does not. */
export function contradiction(expected: Expected, observed: Observed): string | undefined {
  const {bind, residue, residueTime, scriptDone} = observed
  if (residue !== null) {
    const states = residue.filter(({endpoint}) => endpoint === 'server').map(({state}) => state)
    const seen = states.length === 0 ? ['none'] : [...new Set(states)]
    if (seen.some((state) => state !== expected.residue)) {
      return `residue ${seen.join(' and ')} at the server, expected ${expected.residue}`
    }
  }
  if (bind === null) return undefined
  const {firstError, verdict} = bind
  if (expected.code !== undefined) {
    if (firstError === null) return `granted at once, expected ${expected.code}`
    if (firstError.code !== expected.code || firstError.errno !== expected.errno) {
      return `${firstError.code} (${firstError.errno}), expected ${expected.code} (${expected.errno})`
    }
    if (!bind.waited) return undefined
  }
  if (verdict === 'blocked' && !scriptDone) return undefined
  const mayStillCome =
    verdict === 'blocked' && (residueTime?.[0] ?? 0) < (expected.residueSeconds?.[1] ?? 0)
  if (verdict !== expected.verdict && !mayStillCome) {
    return `${verdict}, expected ${expected.verdict}`
  }
  if (expected.residueSeconds !== undefined && residueTime !== null) {
    const [min, max] = expected.residueSeconds
    if (residueTime[1] < min || residueTime[0] > max) {
      const [from, to] = residueTime.map((seconds) => seconds.toFixed(3))
      return `residue gone after ${from} to ${to} s, expected ${min} to ${max.toFixed(3)} s`
    }
  }
  return undefined
}
