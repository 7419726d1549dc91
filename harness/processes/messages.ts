import type {Socket} from 'node:net'
import type {Options} from 'p-retry'
import type {Bracket} from '../clock.ts'
import type {Settings} from '../platforms/platform.ts'
import type {BindOption} from '../sockets/bind-options.ts'
import type {LocalPort} from '../sockets/connect.ts'
import type {Opener} from '../sockets/opener.ts'
import type {SystemErrorFields} from './errors.ts'
import type {Pacing} from './pacing.ts'

/** What a server process needs to open its port. */
export interface ServerToOpen {
  opener: Opener
  bind: BindOption
  address: string
  port: number
  /** The socket came with the process, bound already, as file descriptor 3. */
  inherited?: boolean
  /** False for a server that never reads what its clients send. */
  reads: boolean
}

/** Every request that the harness makes of one of its processes, and what each is answered with. */
export interface Requests {
  /** Predecessor, other server, or a successor that has nothing to bind: open the port. */
  listen: {takes: ServerToOpen; gives: Bracket}
  /** Predecessor: FIN on the accepted connection (shutdown(2); close(2) once the client's FIN came). */
  'close-connection': {takes: null; gives: Bracket}
  /** Predecessor: close(2) on the accepted connection, whatever lies unread in it. */
  'destroy-connection': {takes: null; gives: Bracket}
  /** Predecessor: RST on the accepted connection. */
  'abort-connection': {takes: null; gives: Bracket}
  /** Predecessor: send the accepted connection to the harness, which passes it to a holder. */
  'hand-over-connection': {takes: null; gives: Bracket}
  /**
   * Exit with status 0. Answered first. Predecessor: with the connections that close only now. Guardian: with
   * the processes of its commands that it could not end (`left`), because they are another user's.
   */
  exit: {takes: null; gives: {openConnections: number; left?: number[]}}
  /** Holder, or a client that is to have both ends: keep an accepted connection that comes with the message. */
  'take-connection': {takes: null; gives: Bracket}
  /** Successor: open and close any port once, so that the grant is not measured with cold code. */
  prepare: {takes: ServerToOpen; gives: null}
  /** Successor: try to open the port, again and again. Answered once it listens or gives up. */
  restart: {takes: Restart; gives: RestartOutcome}
  /** Client: connect, and wait for the server's greeting. */
  connect: {takes: Connect; gives: Bracket}
  /** Client: the same, but an error is an answer, too, and so is none within `withinSeconds`. */
  'try-to-connect': {takes: TryToConnect; gives: Bracket & {calls: Call[]}}
  /** Client: connect so many times, one after the other, and count the greetings. */
  'count-answers': {takes: Connect & {connections: number}; gives: Bracket & {counts: Counts}}
  /** Client: connect again and again from now on. */
  'keep-connecting': {takes: Connect; gives: Bracket}
  /** Client: end that, and wait for the connections that are under way. */
  'stop-connecting': {takes: null; gives: Bracket & {counts: Counts}}
  /** Client: send some bytes. */
  send: {takes: {text: string}; gives: Bracket}
  /** Client: close (FIN), and wait until both sides have. */
  close: {takes: null; gives: Bracket}
  /** Client that was given the accepted connection, too: close both ends at once. */
  'close-both-ends': {takes: null; gives: Bracket}
  /** Client: RST. */
  abort: {takes: null; gives: Bracket}
  /** Keeper: bring the loopback interface up and write settings; answered with those that are then read. */
  'set-up-namespace': {takes: {settings: WrittenSettings}; gives: {settings: Settings}}
  /** Keeper: give nft(8) a rule set. */
  'filter-packets': {takes: {rules: string}; gives: Bracket}
  /** Keeper: prove that the successor of this pid answers. */
  'verify-accepting': {takes: {address: string; port: number; pid: number}; gives: null}
  /**
   * Settings keeper: set the machine's own settings, until the channel closes; `locked` if another keeper has
   * done so and not set them back yet.
   */
  'set-host-settings': {takes: {settings: WrittenSettings}; gives: 'set' | 'locked'}
  /** Guardian: start a command in a process group of its own. Fails with the SystemError of spawn. */
  'start-command': {takes: CommandToStart; gives: {pid: number; seconds: number}}
  /** Guardian: send a signal to a command that it started, unless that has ended. */
  'signal-command': {takes: {pid: number; signal: NodeJS.Signals}; gives: null}
  /** Guardian: make a temporary folder, and remove it when it ends itself, after all its commands. */
  'make-folder': {takes: {prefix: string}; gives: {folder: string}}
  /** Guardian: remove such a folder now, with the rights of its owner only. */
  'remove-folder': {takes: {folder: string}; gives: null}
}

/** Kernel settings to write, by the operating system's own names. */
export type WrittenSettings = Readonly<Record<string, number | string>>

/** A command that is run without a shell. */
export interface CommandToStart {
  command: string
  args: string[]
  /** The whole environment. */
  env: Record<string, string>
  cwd: string
}

/** How a command ended. */
export interface CommandEnding {
  code: number | null
  signal: NodeJS.Signals | null
  /** Monotonic. */
  seconds: number
}

/** p-retry's own options; what is left out has p-retry's default. */
export type RetryOptions = Readonly<
  Pick<Options, 'retries' | 'factor' | 'minTimeout' | 'maxTimeout' | 'randomize'>
>

export interface Restart {
  server: ServerToOpen
  /** How the server retries; without it, it is our measuring that decides when the next attempt is due. */
  retry?: RetryOptions
  limitSeconds: number
  /** False: one refused attempt is enough. */
  wait: boolean
  pacing: Pacing
}

export interface RestartOutcome {
  granted: boolean
}

export interface Connect {
  host: string
  port: number
  /** True: keep the connection half-open when the server closes. */
  hold: boolean
  /** The local port to bind first; none: connect() chooses. */
  from?: LocalPort
}

export interface TryToConnect extends Connect {
  withinSeconds: number
}

/** What a system call of the client answered. */
export interface Call {
  call: 'bind' | 'connect'
  /** `granted` (bind), `connected`, `unanswered` (connect) or the error's code. */
  outcome: string
  errno?: number
  localPort: number
  /** How long it took. */
  seconds: number
}

/**
 * What is counted and measured besides the bind. `longestGapSeconds` is the longest time from one answer to
 * the next; `releaseSeconds` passed from the first attempt to the release of the port, and
 * `overshootSeconds` from there until the server's own way of retrying noticed. `retransmittedSegments` and
 * `timerRestarts` count from the first dropped packet on, `resets` from when all pass again.
 */
export type Counts = Partial<
  Record<
    | 'connections'
    | 'refusedConnections'
    | 'resetConnections'
    | 'unansweredConnections'
    | 'answersFromPredecessor'
    | 'answersFromSuccessor'
    | 'longestGapSeconds'
    | 'releaseSeconds'
    | 'overshootSeconds'
    | 'retransmittedSegments'
    | 'timerRestarts'
    | 'resets',
    number
  >
>

/** One try of the successor; `seconds` is the monotonic time at which the OS had answered. */
export interface BindAttempt {
  attempt: number
  /** When the OS was asked: where the machine is slow, long before its answer was looked at. */
  askedAt?: number
  seconds: number
  outcome: 'refused' | 'granted'
  error?: SystemErrorFields
}

export type RequestName = keyof Requests

export type RequestMessage = {
  [Name in RequestName]: {id: number; request: Name; takes: Requests[Name]['takes']}
}[RequestName]

/** What the harness tells a process without waiting for an answer. */
export interface PaceMessage {
  pace: Pacing
}

/** What a process tells the harness by itself. */
export type Notice =
  | {notice: 'ready'; pid?: number}
  | {notice: 'attempts'; attempts: BindAttempt[]}
  | {notice: 'connection'}
  | {notice: 'command-output'; pid: number; stream: 'stdout' | 'stderr'; text: string}
  | ({notice: 'command-ended'; pid: number} & CommandEnding)
  | {notice: 'command-silent'; pid: number}

export type Answer =
  | {answerTo: number; gives: unknown}
  | {answerTo: number; error: SystemErrorFields | {message: string}}

/** The requests that a role answers. */
export type Handlers = {
  [Name in RequestName]?: (
    takes: Requests[Name]['takes'],
    connection?: Socket,
  ) => Promise<Requests[Name]['gives']>
}
