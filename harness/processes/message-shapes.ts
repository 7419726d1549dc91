import type {Bracket} from '../clock.ts'
import {bindOptions} from '../sockets/bind-options.ts'
import type {LocalPort} from '../sockets/connect.ts'
import type {SystemErrorFields} from './errors.ts'
import type {
  BindAttempt,
  Call,
  CommandToStart,
  Connect,
  Counts,
  Notice,
  PaceMessage,
  Requests,
  Restart,
  RetryOptions,
  ServerToOpen,
  TryToConnect,
} from './messages.ts'
import type {Pacing} from './pacing.ts'
import {
  count,
  either,
  fields,
  flag,
  list,
  nothing,
  number,
  oneOf,
  optional,
  pid,
  port,
  type Shape,
  table,
  text,
} from './shape.ts'

const anything = (_: unknown): _ is unknown => true
const signal = (value: unknown): value is NodeJS.Signals =>
  text(value) && /^SIG[A-Z0-9+]{2,10}$/.test(value)

const opener = oneOf('node', 'native')
const bind = oneOf(...bindOptions)
const bracketFields = {from: number, to: number}
const bracket = fields<Bracket>(bracketFields)

const serverToOpen = fields<ServerToOpen>({
  ...{opener, bind, address: text, port},
  inherited: optional(flag),
  reads: flag,
})

const pacing: Shape<Pacing> = either(
  fields<Extract<Pacing, {kind: 'dense-from'}>>({kind: oneOf('dense-from'), at: number}),
  fields<Extract<Pacing, {kind: 'proportional'}>>({kind: oneOf('proportional')}),
)

const restart = fields<Restart>({
  server: serverToOpen,
  retry: optional(
    fields<RetryOptions>({
      retries: optional(number),
      factor: optional(number),
      minTimeout: optional(number),
      maxTimeout: optional(number),
      randomize: optional(flag),
    }),
  ),
  limitSeconds: number,
  wait: flag,
  pacing,
})

const connectFields = {
  host: text,
  port,
  hold: flag,
  from: optional(fields<LocalPort>({opener, bind, address: text, port})),
}
const connect = fields<Connect>(connectFields)

const call = fields<Call>({
  call: oneOf('bind', 'connect'),
  outcome: text,
  errno: optional(count),
  localPort: port,
  seconds: number,
})

const countNames = {
  connections: true,
  refusedConnections: true,
  resetConnections: true,
  unansweredConnections: true,
  answersFromPredecessor: true,
  answersFromSuccessor: true,
  longestGapSeconds: true,
  releaseSeconds: true,
  overshootSeconds: true,
  retransmittedSegments: true,
  timerRestarts: true,
  resets: true,
} satisfies Record<keyof Counts, true>
const counts: Shape<Counts> = table((name) => Object.hasOwn(countNames, name), number)
const counted = fields<Bracket & {counts: Counts}>({...bracketFields, counts})

/** By the operating system's own names, which never lead out of the folder of its settings. */
const settingName = (name: string) => /^\w+(\.\w+)*$/.test(name)
const writtenSettings = fields<Requests['set-up-namespace']['takes']>({
  settings: table(settingName, either(number, text)),
})

const commandToStart = fields<CommandToStart>({
  command: text,
  args: list(text),
  env: table((name) => name !== '' && !name.includes('='), text),
  cwd: text,
})

/** What each request takes, which the process looks at, and what it gives, which the harness looks at. */
export const requestShapes: {
  readonly [Name in keyof Requests]: {
    readonly takes: Shape<Requests[Name]['takes']>
    readonly gives: Shape<Requests[Name]['gives']>
  }
} = {
  listen: {takes: serverToOpen, gives: bracket},
  'close-connection': {takes: nothing, gives: bracket},
  'destroy-connection': {takes: nothing, gives: bracket},
  'abort-connection': {takes: nothing, gives: bracket},
  'hand-over-connection': {takes: nothing, gives: bracket},
  exit: {
    takes: nothing,
    gives: fields<Requests['exit']['gives']>({openConnections: count, left: optional(list(pid))}),
  },
  'take-connection': {takes: nothing, gives: bracket},
  prepare: {takes: serverToOpen, gives: nothing},
  restart: {takes: restart, gives: fields<{granted: boolean}>({granted: flag})},
  connect: {takes: connect, gives: bracket},
  'try-to-connect': {
    takes: fields<TryToConnect>({...connectFields, withinSeconds: number}),
    gives: fields<Bracket & {calls: Call[]}>({...bracketFields, calls: list(call)}),
  },
  'count-answers': {
    takes: fields<Connect & {connections: number}>({...connectFields, connections: count}),
    gives: counted,
  },
  'keep-connecting': {takes: connect, gives: bracket},
  'stop-connecting': {takes: nothing, gives: counted},
  send: {takes: fields<{text: string}>({text}), gives: bracket},
  close: {takes: nothing, gives: bracket},
  'close-both-ends': {takes: nothing, gives: bracket},
  abort: {takes: nothing, gives: bracket},
  'set-up-namespace': {
    takes: writtenSettings,
    gives: fields<Requests['set-up-namespace']['gives']>({
      settings: table(settingName, either(either(number, text), nothing)),
    }),
  },
  'filter-packets': {takes: fields<{rules: string}>({rules: text}), gives: bracket},
  'verify-accepting': {
    takes: fields<Requests['verify-accepting']['takes']>({address: text, port, pid}),
    gives: nothing,
  },
  'set-host-settings': {takes: writtenSettings, gives: oneOf('set', 'locked')},
  'start-command': {
    takes: commandToStart,
    gives: fields<Requests['start-command']['gives']>({pid, seconds: number}),
  },
  'signal-command': {
    takes: fields<Requests['signal-command']['takes']>({pid, signal}),
    gives: nothing,
  },
  'make-folder': {
    takes: fields<Requests['make-folder']['takes']>({prefix: text}),
    gives: fields<Requests['make-folder']['gives']>({folder: text}),
  },
  'remove-folder': {
    takes: fields<Requests['remove-folder']['takes']>({folder: text}),
    gives: nothing,
  },
}

export const isPace = fields<PaceMessage>({pace: pacing})

/** A request as it comes; whether it is known, and takes what came, is another question. */
export const isRequest = fields<{id: number; request: string; takes: unknown}>({
  id: count,
  request: text,
  takes: optional(anything),
})

const systemErrorFields = {code: text, errno: count, syscall: text, message: text}
const systemError = fields<SystemErrorFields>(systemErrorFields)

const attempt = fields<BindAttempt>({
  attempt: pid,
  askedAt: optional(number),
  seconds: number,
  outcome: oneOf('refused', 'granted'),
  error: optional(systemError),
})

type NoticeOf<Name extends Notice['notice']> = Extract<Notice, {notice: Name}>

/** What a process tells by itself. */
const noticeShapes: {readonly [Name in Notice['notice']]: Shape<NoticeOf<Name>>} = {
  ready: fields<NoticeOf<'ready'>>({notice: oneOf('ready'), pid: optional(pid)}),
  attempts: fields<NoticeOf<'attempts'>>({notice: oneOf('attempts'), attempts: list(attempt)}),
  connection: fields<NoticeOf<'connection'>>({notice: oneOf('connection')}),
  'command-output': fields<NoticeOf<'command-output'>>({
    notice: oneOf('command-output'),
    pid,
    stream: oneOf('stdout', 'stderr'),
    text,
  }),
  'command-ended': fields<NoticeOf<'command-ended'>>({
    notice: oneOf('command-ended'),
    pid,
    code: either(count, nothing),
    signal: either(signal, nothing),
    seconds: number,
  }),
  'command-silent': fields<NoticeOf<'command-silent'>>({notice: oneOf('command-silent'), pid}),
}

export function isNotice(message: unknown): message is Notice {
  const {notice} = (message ?? {}) as {notice?: unknown}
  return (
    text(notice) &&
    Object.hasOwn(noticeShapes, notice) &&
    noticeShapes[notice as Notice['notice']](message)
  )
}

/** An answer as it comes; what it gives depends on what was asked. */
export const isAnswer = either(
  fields<{answerTo: number; gives: unknown}>({answerTo: count, gives: optional(anything)}),
  fields<{answerTo: number; error: SystemErrorFields | {message: string}}>({
    answerTo: count,
    error: either(systemError, fields<{message: string}>({message: text})),
  }),
)
