import type {CheckProblem} from '../documents/check-schema.ts'
import {UsageError} from '../errors.ts'
import type {Platform} from '../platforms/platform.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import type {SeenSocket} from '../restart/observer.ts'
import {printable} from '../text.ts'
import {outcomeWords} from './errors-seen.ts'
import {foregroundAdvice} from './fixes.ts'
import {checkedPorts, type FilledOptions} from './options.ts'
import {endWords, holdersOf, type PortView} from './port-view.ts'
import type {ServerStart} from './server.ts'
import type {StartOutcome} from './start-outcome.ts'

const shownCommandCharacters = 120

/** `pid 123 (node server.js)`. */
export function processWords({pid, command}: Pick<Holder, 'pid' | 'command'>): string {
  const text = printable(command).trim()
  const shown =
    text.length > shownCommandCharacters ? `${text.slice(0, shownCommandCharacters)}...` : text
  return `pid ${pid} (${shown})`
}

/**
 * Makes sure that what will listen on the port is the server under test.
 * @returns all listeners of this machine before the start
 * @throws UsageError if there is a listener already, with who it is where that is visible
 */
export async function assertNobodyListens(
  {port: checked, alsoPorts}: FilledOptions,
  platform: Platform,
  look: () => Promise<PortView>,
): Promise<SocketEntry[]> {
  const view = await look()
  for (const port of [checked, ...alsoPorts]) {
    const inTheWay = view.allListeners.filter(({local}) => local.port === port)
    if (inTheWay.length === 0) continue
    const holders = await holdersOf(platform, port, inTheWay)
    const who = holders.length === 0 ? 'another program' : holders.map(processWords).join(', ')
    const where = inTheWay.map(({local}) => endWords(local)).join(', ')
    throw new UsageError(
      `port ${port} is in use: ${who} listens on ${where}; stop it or choose another port (rebind why ${port} shows more)`,
    )
  }
  return view.allListeners
}

/** What can become of a start that nobody has connected to, and that has no predecessor. */
export type FirstFailure = Extract<
  StartOutcome,
  {
    kind:
      | 'exited'
      | 'never-listened'
      | 'other-port'
      | 'other-address'
      | 'other-process'
      | 'daemonised'
  }
>

/** Why the first start is not a server that could be restarted. */
export function startProblem(
  outcome: FirstFailure,
  {lines}: ServerStart,
  options: FilledOptions,
  left: readonly SeenSocket[],
): CheckProblem {
  const {kind} = outcome
  const {address, port, startTimeoutSeconds} = options
  const said = lines.errorLines().map(printable)
  const output = said.length === 0 ? '; it wrote nothing' : `; its output: ${said.join(' / ')}`
  const message = `the server ${outcomeWords(outcome)}`
  switch (outcome.kind) {
    case 'exited':
      return {
        kind,
        message: `${message} before it listened on port ${port}${output}`,
        remedy: lines.namesAddressInUse(checkedPorts(options))
          ? residueRemedy(port, left)
          : 'start the command by hand to see why (it gets only PATH, HOME, PORT and what --env sets)',
      }
    case 'never-listened':
      return {
        kind,
        message: `the server is running, but did not listen on port ${port} within ${startTimeoutSeconds} s${output}`,
        remedy:
          'make it take its port from PORT, or from {port} in its arguments; if it starts slowly, raise --start-timeout',
      }
    case 'other-port':
      return {
        kind,
        message: `the server listens on port ${outcome.ports.join(' and ')}, not on ${port}`,
        remedy: `pass that port with --port, or pass the port you want to the server: {port} in its arguments, or the variable PORT`,
      }
    case 'other-address':
      return {
        kind,
        message: `the server listens on ${outcome.ends.join(' and ')}, which a client of ${address} cannot reach`,
        remedy: 'pass the address it listens on with --host',
      }
    case 'other-process':
      return {
        kind,
        message: `another program took port ${port}: ${outcome.holders.map(processWords).join(', ')}`,
        remedy: `choose another port (rebind why ${port} shows more)`,
      }
    case 'daemonised':
      return daemonProblem(outcome.holders)
  }
}

/** It listens on the port, and not on others that were named. */
export function missingPortsProblem(
  ports: readonly number[],
  {lines}: ServerStart,
  {port, startTimeoutSeconds}: FilledOptions,
): CheckProblem {
  const said = lines.errorLines().map(printable)
  const output = said.length === 0 ? '' : `; its output: ${said.join(' / ')}`
  return {
    kind: 'other-port',
    message: `the server listens on port ${port}, but not on ${ports.join(' and ')} within ${startTimeoutSeconds} s${output}`,
    remedy: 'leave that --port out, or have the server listen on it, too',
  }
}

/** A daemon is not the process that was started, so neither its exit nor its errors can be seen. */
export function daemonProblem(holders: readonly Holder[]): CheckProblem {
  return {
    kind: 'daemonised',
    message: `the server daemonizes: the command has exited, and ${holders.map(processWords).join(', ')} listens`,
    remedy: foregroundAdvice(holders.map(({command}) => command)),
  }
}

export function unreachableProblem(
  error: Error,
  {address, port}: FilledOptions,
  server: ServerStart,
): CheckProblem {
  const ending = server.ending()
  const died = ending === undefined ? '' : '; it has exited since'
  return {
    kind: 'unreachable',
    message: `the server listens, but a client cannot connect to ${address}:${port} (${error.message})${died}`,
    remedy: 'check that it listens on that address (--host), and serves more than one client',
  }
}

function residueRemedy(port: number, left: readonly SeenSocket[]): string {
  const timers = left.flatMap(({endpoint, entry}) =>
    endpoint === 'server' ? (entry.expiresInSeconds ?? []) : [],
  )
  if (timers.length === 0) return `rebind why ${port} shows what is in its way`
  // There may be more of them than a function takes arguments.
  const seconds = Math.ceil(timers.reduce((longest, each) => Math.max(longest, each))) + 2
  return `an earlier run left sockets on the port: wait ${seconds} s, or choose another port`
}
