import type {Socket} from 'node:net'
import {tcpStates} from '../platforms/tcp-states.ts'
import {bindOptions} from '../sockets/bind-options.ts'
import {
  count,
  either,
  fields,
  flag,
  list,
  nothing,
  number,
  type Of,
  oneOf,
  optional,
  pid,
  port,
  type Shape,
  table,
  text,
} from './shape.ts'

/**
 * What the harness and its processes say to each other over the IPC channel: one table of requests, one of
 * notices. The types are inferred from the shapes that both ends check what comes by.
 */

const anything = (_: unknown): _ is unknown => true
const signal = (value: unknown): value is NodeJS.Signals =>
  text(value) && /^SIG[A-Z0-9+]{2,10}$/.test(value)

const opener = oneOf('node', 'native')
const bind = oneOf(...bindOptions)

/** A deed began and ended between these two moments, monotonic seconds. */
const bracketFields = {from: number, to: number}
const bracket = fields(bracketFields)

/** What a server process needs to open its port. */
const serverToOpen = fields({
  opener,
  bind,
  address: text,
  port,
  /** The socket came with the process, bound already, as file descriptor 3. */
  inherited: optional(flag),
  /** Of node:http, whose answer is what it tells. */
  http: optional(flag),
  /** A primary of node:cluster with a worker. */
  cluster: optional(flag),
  /** SO_REUSEPORT, by Node's own option. */
  reusePort: optional(flag),
  /** False for a server that accepts no connection. */
  accepts: optional(flag),
  /** False for a server that never reads what its clients send. */
  reads: flag,
  /** What it tells each client, before its own pid: a proof of who answers. */
  greeting: text,
})

const pacing = either(
  fields({kind: oneOf('dense-from'), at: number, everyMilliseconds: number}),
  fields({kind: oneOf('proportional')}),
)

/** p-retry's own options; what is left out has p-retry's default. */
const retryOptions = fields({
  retries: optional(number),
  factor: optional(number),
  minTimeout: optional(number),
  maxTimeout: optional(number),
  randomize: optional(flag),
})

const restart = fields({
  server: serverToOpen,
  /** How the server retries; without it, it is our measuring that decides when the next attempt is due. */
  retry: optional(retryOptions),
  limitSeconds: number,
  /** False: one refused attempt is enough. */
  wait: flag,
  pacing,
})

const connectFields = {
  host: text,
  port,
  /** True: keep the connection half-open when the server closes. */
  hold: flag,
  /** The server is of node:http: it is asked before it answers. */
  http: optional(flag),
  /** The local port to bind first; none: connect() chooses. */
  from: optional(fields({opener, bind, address: text, port})),
}
const connect = fields(connectFields)
const tryToConnect = fields({...connectFields, withinSeconds: number})

/** What a system call of the client answered. */
const call = fields({
  call: oneOf('bind', 'connect'),
  /** `granted` (bind), `connected`, `unanswered` (connect) or the error's code. */
  outcome: text,
  errno: optional(count),
  localPort: port,
  /** How long it took. */
  seconds: number,
})

/**
 * What is counted and measured in addition to the bind. `longestGapSeconds` is the longest time from one answer to
 * the next; `releaseSeconds` passed from the first attempt to the release of the port, and
 * `overshootSeconds` from there until the server's own way of retrying noticed. `retransmittedSegments` and
 * `timerRestarts` count from the first dropped packet on, `resets` from when all pass again.
 */
export const countNames = [
  'connections',
  'refusedConnections',
  'selfConnections',
  'resetConnections',
  'unansweredConnections',
  'answersFromPredecessor',
  'answersFromSuccessor',
  'longestGapSeconds',
  'releaseSeconds',
  'overshootSeconds',
  'retransmittedSegments',
  'timerRestarts',
  'resets',
  'destroyedSockets',
] as const
export type Counts = Partial<Record<(typeof countNames)[number], number>>
const counts: Shape<Counts> = table(
  (name) => (countNames as readonly string[]).includes(name),
  number,
)
const counted = fields({...bracketFields, counts})

/** By the operating system's own names, which never lead out of the folder of its settings. */
const settingName = (name: string) => /^\w+(\.\w+)*$/.test(name)
const settings = table(settingName, either(number, text))
const settingsRead = table(settingName, either(either(number, text), nothing))

const end = fields({address: text, port})
/** One row of the socket table. */
const socket = fields({
  state: oneOf(...tcpStates),
  local: end,
  remote: end,
  expiresInSeconds: either(number, nothing),
  inode: optional(count),
  uid: optional(count),
})

/** A command that is run without a shell. */
const commandToStart = fields({
  command: text,
  args: list(text),
  /** It gets the guardian's own file descriptor 3, as its own. */
  inherits: optional(flag),
  /** Its stdin is that of the harness itself; otherwise it has none. */
  readsThrough: optional(flag),
  /** What it writes goes where the harness itself writes, and is not told of. */
  writesThrough: optional(flag),
  /** It restarts what is not ours: neither it nor what it starts is ever ended, unless by a signal that is asked for. */
  leaves: optional(flag),
  /** The whole environment. */
  env: table((name) => name !== '' && !name.includes('='), text),
  cwd: text,
})

/** Every request, with the shape of what it takes, which the process checks, and of its result, which the harness does. */
export const requests = {
  /** Predecessor, other server, or a successor that has nothing to bind: open the port. */
  listen: {params: serverToOpen, result: bracket},
  /** Predecessor that was started by root: be this user from now on, with no right of root's. */
  'become-user': {params: fields({user: pid}), result: nothing},
  /** Predecessor: FIN on the accepted connection (shutdown(2); close(2) once the client's FIN came). */
  'close-connection': {params: nothing, result: bracket},
  /** Predecessor: close(2) on the accepted connection, whatever lies unread in it. */
  'destroy-connection': {params: nothing, result: bracket},
  /** Predecessor: RST on the accepted connection. */
  'abort-connection': {params: nothing, result: bracket},
  /** Predecessor of node:cluster: start a worker with this greeting, and when it accepts, end the old one. */
  'replace-worker': {params: fields({greeting: text}), result: bracket},
  /** Predecessor: close the listening socket. */
  'stop-listening': {params: nothing, result: bracket},
  /** Predecessor: send the accepted connection to the harness, which passes it to a holder. */
  'hand-over-connection': {params: nothing, result: bracket},
  /**
   * Exit with status 0, or leave the host. Answered first. Predecessor: with the connections that close only now.
   * Guardian: with the processes of its commands that it could not end, because they are another user's (`left`), or
   * were killed and are still there (`late`).
   */
  exit: {
    params: nothing,
    result: fields({
      openConnections: count,
      left: optional(list(pid)),
      late: optional(list(pid)),
    }),
  },
  /** Host: end this actor by force, and close all that is its. */
  leave: {params: nothing, result: nothing},
  /** Holder, or a client that is to have both ends: keep an accepted connection that comes with the message. */
  'take-connection': {params: nothing, result: bracket},
  /** Successor: try to open the port, again and again. Answered once it listens or gives up. */
  restart: {params: restart, result: fields({granted: flag})},
  /** Client: connect, and wait for the server's greeting. */
  connect: {params: connect, result: bracket},
  /** Client: the same, but an error is an answer, too, and so is none within `withinSeconds`. */
  'try-to-connect': {params: tryToConnect, result: fields({...bracketFields, calls: list(call)})},
  /** Client: connect again and again, from a port of the OS's choice, until connected or refused so many times. */
  retry: {params: fields({...connectFields, times: count}), result: counted},
  /** Client: connect so many times, one after the other, and count the greetings. */
  'count-answers': {params: fields({...connectFields, connections: count}), result: counted},
  /** Client: connect so many times at once, to a server that accepts none. */
  queue: {params: fields({...connectFields, connections: count}), result: bracket},
  /** Client: wait what becomes of each of those. */
  'count-queued': {params: nothing, result: counted},
  /** Client: connect again and again from now on. */
  'keep-connecting': {params: connect, result: bracket},
  /** Client: end that, and wait for the connections that are under way. */
  'stop-connecting': {params: nothing, result: counted},
  /** Client: send some bytes. */
  send: {params: fields({text}), result: bracket},
  /** Client: close (FIN), and wait until both sides have. */
  close: {params: nothing, result: bracket},
  /** Client: FIN, and do not wait for the server's. */
  'send-fin': {params: nothing, result: bracket},
  /** Client that was given the accepted connection, too: close both ends at once. */
  'close-both-ends': {params: nothing, result: bracket},
  /** Client: RST. */
  abort: {params: nothing, result: bracket},
  /** Namespace: make it; answered with the host's file descriptor of it. */
  'make-namespace': {params: nothing, result: fields({fd: count})},
  /**
   * Keeper: open that namespace of a host's, bring its loopback interface up and write settings; answered with those
   * that are then read.
   */
  'set-up-namespace': {
    params: fields({host: pid, fd: count, settings}),
    result: fields({settings: settingsRead}),
  },
  /** Keeper: give nft(8) a rule set. */
  'filter-packets': {params: fields({rules: text}), result: bracket},
  /** Keeper: how many packets its rules have dropped, as the counter that nft(8) shows by these words counts them. */
  'count-dropped': {params: fields({words: list(text)}), result: fields({packets: count})},
  /** Capture: keep the packets that arrive in that namespace of a host's from now on. */
  'capture-packets': {params: fields({host: pid, fd: count}), result: nothing},
  /**
   * Capture: the TCP packets of these ports, or all, as records of a pcap file in base64, each with its monotonic
   * seconds; they are no longer kept. `lost`: how many of whatever port could not be, since the beginning.
   */
  'take-packets': {
    params: fields({ports: optional(list(port))}),
    result: fields({records: text, moments: list(number), lost: count}),
  },
  /** Keeper: what destroying a TIME_WAIT answers, which it makes: `destroyed` or the error's code. */
  'try-to-destroy': {params: nothing, result: fields({answer: text})},
  /** Keeper: destroy all sockets of a local port in a state. */
  'destroy-sockets': {
    params: fields({port, state: oneOf(...tcpStates)}),
    result: fields({...bracketFields, destroyed: count}),
  },
  /** Keeper: look at the sockets of its namespace, which only a process inside can ask netlink about. */
  'read-sockets': {
    params: fields({ports: optional(list(port))}),
    result: fields({sockets: list(socket)}),
  },
  /** Keeper: what the namespace's TCP has counted. */
  'read-counters': {params: nothing, result: fields({retransmitted: count, resets: count})},
  /** Keeper: prove who answers: it says `greeting`. */
  'verify-accepting': {params: fields({address: text, port, greeting: text}), result: nothing},
  /**
   * Settings keeper: set the machine's own settings, until the channel closes; `locked` if another keeper has
   * done so and not set them back yet.
   */
  'set-host-settings': {params: fields({settings}), result: oneOf('set', 'locked')},
  /** Guardian: start a command in a process group of its own. Fails with the SystemError of spawn. */
  'start-command': {params: commandToStart, result: fields({pid, seconds: number})},
  /** Guardian: send a signal to a command that it started, unless that has ended. */
  'signal-command': {params: fields({pid, signal}), result: nothing},
  /** Guardian: make a temporary folder, and remove it when it ends itself, after all its commands. */
  'make-folder': {params: fields({prefix: text}), result: fields({folder: text})},
  /** Guardian: remove such a folder now, with the rights of its owner only. */
  'remove-folder': {params: fields({folder: text}), result: nothing},
} as const

export type RequestName = keyof typeof requests
export type Params<Name extends RequestName> = Of<(typeof requests)[Name]['params']>
export type Result<Name extends RequestName> = Of<(typeof requests)[Name]['result']>

/** The requests that a role answers. */
export type Handlers = {
  [Name in RequestName]?: (params: Params<Name>, connection?: Socket) => Promise<Result<Name>>
}

const systemErrorFields = {code: text, errno: count, syscall: text, message: text}

/** One try of the successor; `seconds` is the monotonic time at which the OS had answered. */
const attempt = fields({
  attempt: pid,
  /** When the OS was asked: where the machine is slow, long before its answer was looked at. */
  askedAt: number,
  seconds: number,
  outcome: oneOf('refused', 'granted'),
  error: optional(fields(systemErrorFields)),
})

/** What a process tells by itself. */
const notices = {
  ready: fields({notice: oneOf('ready'), pid: optional(pid)}),
  attempts: fields({notice: oneOf('attempts'), attempts: list(attempt)}),
  /** What a client in a host receives; one in a process of its own prints it. */
  output: fields({notice: oneOf('output'), text}),
  connection: fields({notice: oneOf('connection')}),
  'command-output': fields({
    notice: oneOf('command-output'),
    pid,
    stream: oneOf('stdout', 'stderr'),
    text,
  }),
  'command-ended': fields({
    notice: oneOf('command-ended'),
    pid,
    code: either(count, nothing),
    signal: either(signal, nothing),
    seconds: number,
  }),
  /** All that an ended command wrote has been told. */
  'command-silent': fields({notice: oneOf('command-silent'), pid}),
}
export type NoticeOf<Name extends keyof typeof notices> = Of<(typeof notices)[Name]>
export type Notice = {[Name in keyof typeof notices]: NoticeOf<Name>}[keyof typeof notices]

function isNotice(message: unknown): message is Notice {
  const {notice} = (message ?? {}) as {notice?: unknown}
  return (
    text(notice) &&
    Object.hasOwn(notices, notice) &&
    notices[notice as keyof typeof notices](message)
  )
}

/**
 * A process plays one actor, number 0, in the role that it was started in; a host plays many, each of which
 * comes to be with its first request and is gone with its `exit`.
 */
export const soleActor = 0

/** A request as it comes; whether it is known, and its params are right, is another question. */
export const isRequest = fields({
  id: count,
  actor: count,
  role: text,
  /** The actor of the same host that keeps the namespace in which this one plays. */
  inside: optional(count),
  request: text,
  params: optional(anything),
})
export type RequestMessage = Of<typeof isRequest>

/** What the harness tells a successor without waiting for an answer. */
export const isPace = fields({actor: count, pace: pacing})
export type PaceMessage = Of<typeof isPace>

/** A notice, and whose it is. */
export const isTold = fields({actor: count, tells: isNotice})

/** An answer as it comes; its result depends on what was asked. */
export const isAnswer = either(
  fields({answerTo: count, result: optional(anything)}),
  fields({
    answerTo: count,
    error: either(fields(systemErrorFields), fields({message: text})),
  }),
)
export type Answer = Of<typeof isAnswer>

export type ServerToOpen = Of<typeof serverToOpen>
export type Restart = Of<typeof restart>
export type RestartOutcome = Result<'restart'>
export type RetryOptions = Of<typeof retryOptions>
export type Connect = Of<typeof connect>
export type TryToConnect = Of<typeof tryToConnect>
export type Call = Of<typeof call>
export type BindAttempt = Of<typeof attempt>
export type CommandToStart = Of<typeof commandToStart>
/** How a command ended; `seconds` is monotonic. */
export type CommandEnding = Pick<NoticeOf<'command-ended'>, 'code' | 'signal' | 'seconds'>
/** Kernel settings to write, by the operating system's own names. */
export type WrittenSettings = Readonly<Of<typeof settings>>
