import type {CheckDocument, CheckRound} from '../documents/check-schema.ts'
import {bugBehind} from '../platforms/known-bugs.ts'
import type {Platform} from '../platforms/platform.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import {type BindOption, bindOptions} from '../sockets/bind-options.ts'
import {holdsPort} from './residue.ts'
import {hadListened} from './start-outcome.ts'

/**
 * Whether the server sets SO_REUSEADDR, inferred from what its restarts got over which residue: of the
 * four bind options, those remain with which this OS would have answered so. One bind option serves for
 * predecessor and successor alike, as both are the same program.
 * @param kernel its upstream version, by which a known bug is recognised
 */
export function inferReuseaddr(
  rounds: readonly CheckRound[],
  platform: Platform,
  address: string,
  kernel?: string,
): CheckDocument['reuseaddr'] {
  const {rules, title} = platform
  if (rules === null) {
    return {set: null, because: `it is unknown which binds ${title} grants over which sockets`}
  }
  let open: Pick<CheckDocument['reuseaddr'], 'rule' | 'because'> = {
    because: 'no round got as far as a restart',
  }
  for (const round of rounds) {
    const state = blockingState(round)
    const outcome = outcomeOf(round)
    if (round.survivors.some(({listening}) => listening)) {
      open = {
        because:
          'the old process was still listening, and SO_REUSEADDR makes no difference to that',
      }
    } else if (state === undefined) {
      open = {
        because:
          round.residue === null
            ? `${title} does not show what was left on the port`
            : 'no socket of the old server was left on the port, so nothing was in the way of any bind',
      }
    } else if (outcome === undefined) {
      open = {because: 'the restart failed for a reason other than the port'}
    } else {
      const answers = bindOptions.map((bind) => {
        const server = {bind, address}
        const question = {residue: state, predecessor: server, successor: server}
        const bug = bugBehind(rules, kernel, question, outcome)
        return {bind, rule: rules.bind(question), bug}
      })
      const fitting = answers.filter(({rule, bug}) => rule.outcome === outcome || bug !== undefined)
      const bug = fitting.find((answer) => answer.bug !== undefined)?.bug
      const candidates = fitting.map(({bind}) => bind)
      const told = fitting[0] === undefined ? {} : {rule: fitting[0].rule.id}
      const shown = round.residue === null ? `${state}, not shown here` : state
      const got = outcome === 'granted' ? 'it got its port back' : 'it was refused its port'
      const seen = `${got} while sockets of the old server were still on it (${shown})`
      if (!candidates.includes('none') && candidates.length > 0) {
        const alike = candidates.includes('reuseport')
          ? ' (SO_REUSEPORT alone would look the same)'
          : ''
        return {
          set: true,
          ...told,
          because: `${seen}, which ${title} allows only with the option${alike}`,
        }
      }
      if (candidates.length > 0 && candidates.every((bind) => !reuses(bind))) {
        return {
          set: false,
          ...told,
          because: `${seen}, which ${title} does only without the option`,
        }
      }
      const either = `${seen}, which ${title} does with the option and without it`
      open =
        bug === undefined
          ? {because: either}
          : {rule: bug.id, because: `${either}; without it by ${bug.because}`}
    }
  }
  return {set: null, ...open}
}

function reuses(bind: BindOption): boolean {
  return bind === 'reuseaddr' || bind === 'both'
}

/** The state of a socket that was left, or, where the OS does not show it, the one that must have been. */
function blockingState({residue, connections}: CheckRound): TcpState | undefined {
  if (residue !== null) {
    return residue.find(
      ({endpoint, state}) => endpoint === 'server' && state !== 'LISTEN' && holdsPort(state),
    )?.state
  }
  return Number(connections.endedByServer ?? 0) > 0 ? 'TIME_WAIT' : undefined
}

function outcomeOf({verdict, errors}: CheckRound): 'granted' | 'EADDRINUSE' | undefined {
  // One attempt got the port: what the others were refused, by their words, was another one.
  if (errors.some(({kind}) => hadListened(kind))) return undefined
  if (errors.some(({code}) => code === 'EADDRINUSE')) return 'EADDRINUSE'
  return verdict === 'immediate' ? 'granted' : undefined
}
