import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {CheckDocument, CheckProblem} from '../documents/check-schema.ts'
import type {Address} from '../sockets/address.ts'
import {closeNative} from '../sockets/native.ts'
import {listenNative} from '../sockets/opener.ts'
import {connect, Failed} from '../traffic/connection.ts'
import type {Tally} from '../traffic/tally.ts'
import {activated} from './activated-command.ts'
import type {CheckContext, CheckListeners} from './context.ts'
import {CouldNotMeasure, notEndedProblem} from './could-not-measure.ts'
import {endingWords} from './errors-seen.ts'
import {commandToStart, type FilledOptions} from './options.ts'
import {openPatience} from './patience.ts'
import {holdersOf} from './port-view.ts'
import {measure} from './reload.ts'
import {reloadAdvice} from './reload-advice.ts'
import {fillReloadOptions, type ReloadOptions} from './reload-options.ts'
import type {ServerStart} from './server.ts'
import {onStage} from './stage.ts'
import {assertProgramThere} from './start-failure.ts'
import {sendStop} from './stop.ts'
import type {Act, Reload} from './trigger.ts'

const timeoutSeconds = 5
const lookEveryMilliseconds = 20
const killedWithinSeconds = 5

/**
 * Starts a server with a listening socket of ours, as systemd's socket units do (sd_listen_fds(3)), restarts it while
 * clients come, and says whether it took the socket, and whether those that waited in its queue were answered.
 * @throws UsageError for options that cannot be, or a port that is taken
 */
export async function checkActivation(
  options: Omit<ReloadOptions, 'triggers'>,
  listeners: CheckListeners = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<CheckDocument> {
  const filled = fillReloadOptions({...options, triggers: [['restart']]})
  const {address, port} = filled
  assertProgramThere(commandToStart(filled))
  const unmeasured = {reuseaddr: {set: null, because: "the socket was not the server's"}}
  const advised = (document: CheckDocument) => ({...document, advice: reloadAdvice(document)})
  let fd: number | undefined
  const listen = () => {
    fd = listenNative({address: address as Address, port, bind: 'reuseaddr'})
    return fd
  }
  try {
    return await onStage(
      {options: filled, listeners, signal, listen, unmeasured, advised},
      async (context, blank) => {
        const start = await startActivated(context)
        const taken = await takesSocket(context, start)
        if (taken !== true) {
          const activation = {took: false, queued: 0, answered: 0, slowestSeconds: null}
          return {...blank, activation: {...activation, because: taken.message}}
        }
        let endedAt = Number.POSITIVE_INFINITY
        const act: Act = async (stage, onBegin) => {
          onBegin()
          const problem = await stop(stage, start)
          endedAt = monotonicSeconds()
          if (problem !== undefined) return problem
          await startActivated(context)
          return undefined
        }
        const more = (tally: Tally, reload: Reload) => ({
          activation: {took: true, ...whoWaited(tally, endedAt, reload)},
        })
        const server = {start, holders: []}
        const {trigger, ...document} = await measure(context, filled, {server, blank, act, more})
        return {...document, ...(trigger === undefined ? {} : {trigger: {...trigger, command: []}})}
      },
    )
  } finally {
    if (fd !== undefined) closeNative(fd)
  }
}

function startActivated({host, options}: CheckContext): Promise<ServerStart> {
  return host.start(activated(commandToStart(options)))
}

/** Whether a process of the start accepts a client; or what it does instead. */
async function takesSocket(
  context: CheckContext,
  start: ServerStart,
): Promise<true | {message: string}> {
  const {options, look, platform, host, signal} = context
  const {address, port, startTimeoutSeconds} = options
  const connection = await connectTo(options)
  const isOver = openPatience(host, start, startTimeoutSeconds, 'accept a client')
  try {
    for (;;) {
      signal.throwIfAborted()
      const ending = start.ending()
      if (ending !== undefined) {
        await start.silent
        const said = start.lines.errorLines().join(' / ')
        const asked = start.lines.namesAddressInUse()
          ? 'it binds the port itself instead of taking the socket'
          : `it ${endingWords(ending)}`
        return {message: `${asked}${said === '' ? '' : `; its output: ${said}`}`}
      }
      const {connections} = await look()
      const ends = connections.flatMap(({endpoint, entry}) =>
        endpoint === 'server' &&
        entry.remote.port === connection.localPort &&
        entry.inode !== undefined
          ? [entry]
          : [],
      )
      const holders = await holdersOf(platform, port, ends)
      host.processes()
      if (holders.some(({pid}) => host.startOf(pid) === start.number)) return true
      // The socket is ours: whatever a client gets of it, its end included, is from a process that has accepted it.
      if (connection.socket.bytesRead > 0 || connection.ended() === 'closed') return true
      if (connection.ended() === 'reset') {
        return {message: `a client of ${address}:${port} was not accepted`}
      }
      if (isOver()) return {message: `it accepted no client within ${startTimeoutSeconds} s`}
      await delay(lookEveryMilliseconds)
    }
  } finally {
    connection.close()
  }
}

async function connectTo({address, port}: FilledOptions) {
  try {
    return await connect({host: address, port, timeoutSeconds})
  } catch (error) {
    if (!(error instanceof Failed)) throw error
    // It is our own socket that listens.
    throw new CouldNotMeasure({
      kind: 'unreachable',
      message: `a client cannot connect to ${address}:${port} (${error.message})`,
      remedy: 'check --host',
    })
  }
}

/** Ends the server, while its socket stays. @throws CouldNotMeasure if it is another user's */
async function stop(
  {host, options, signal}: Pick<CheckContext, 'host' | 'options' | 'signal'>,
  start: ServerStart,
): Promise<CheckProblem | undefined> {
  const {stop: how, stopTimeoutSeconds} = options
  if (how !== 'none') await sendStop({host}, start, how)
  const within = async (seconds: number) => {
    const timer = new AbortController()
    return Promise.race([
      start.ended,
      delay(seconds * 1000, undefined, {signal: AbortSignal.any([timer.signal, signal])}),
    ]).finally(() => timer.abort())
  }
  if ((await within(stopTimeoutSeconds)) !== undefined) return undefined
  host.kill(host.processes().map(({pid}) => pid))
  if ((await within(killedWithinSeconds)) !== undefined) return undefined
  return notEndedProblem({host}, [start.pid])
}

/** The clients that came while there was no server, and what they got. */
function whoWaited({answers, losses}: Tally, endedAt: number, {answeredAt}: Reload) {
  const until = answeredAt ?? Number.POSITIVE_INFINITY
  const isMeanwhile = ({from}: {from: number}) => from >= endedAt && from < until
  const answered = answers.filter(isMeanwhile)
  const lost = losses.filter(({lane}) => lane === 'new').filter(isMeanwhile)
  const slowest = answered.map(({from, at}) => at - from)
  return {
    queued: answered.length + lost.length,
    answered: answered.length,
    slowestSeconds: slowest.length === 0 ? null : Math.max(...slowest),
  }
}
