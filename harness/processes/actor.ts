/**
 * The program that every process of a scenario runs, in the role that its first argument names: a
 * predecessor, a keeper and so on; a host, which plays many actors; and the guardian of the commands that
 * `check` starts. It does what the harness asks over the IPC channel and ends when that closes,
 * so that no process outlives the harness, however the harness ended.
 */
import type {Socket} from 'node:net'
import {setFlagsFromString} from 'node:v8'
import {withNamespace} from '../sockets/network-namespace.ts'
import {openCapture} from './capture.ts'
import {openClient} from './client.ts'
import {openClusterWorker, workerRole} from './cluster.ts'
import {errorFields} from './errors.ts'
import {guardianHandlers} from './guardian.ts'
import {openHolder} from './holder.ts'
import {openKeeper} from './keeper.ts'
import {openNamespace} from './namespace.ts'
import {volunteerForTheOutOfMemoryKiller} from './out-of-memory.ts'
import {openServer} from './predecessor.ts'
import {
  type Answer,
  isPace,
  isRequest,
  type Notice,
  type RequestMessage,
  type RequestName,
  requests,
  soleActor,
} from './protocol.ts'
import type {Play, Tell} from './role.ts'
import {restoreSettings, settingsKeeperHandlers} from './settings-keeper.ts'
import {openSuccessor} from './successor.ts'
import {removeTemporaryProgram} from './temporary-program.ts'

const nothingToClose = () => undefined
const roles: Record<string, (tell: Tell) => Play> = {
  predecessor: openServer,
  successor: openSuccessor,
  client: openClient,
  holder: openHolder,
  'other-server': openServer,
  guardian: () => ({handlers: guardianHandlers, close: nothingToClose}),
  keeper: openKeeper,
  [workerRole]: openClusterWorker,
  namespace: openNamespace,
  capture: openCapture,
  'settings-keeper': () => ({handlers: settingsKeeperHandlers, close: nothingToClose}),
}
/** What each kind of host plays. */
const hosts: Record<string, readonly string[]> = {
  'client-host': ['client', 'holder', 'other-server', 'predecessor'],
  'successor-host': ['successor'],
  'namespace-host': [
    ...['namespace', 'client', 'holder', 'other-server'],
    ...['predecessor', 'successor'],
  ],
  'keeper-host': ['keeper'],
  'capture-host': ['capture'],
}

const [, , ownRole = ''] = process.argv
const isHost = Object.hasOwn(hosts, ownRole)
if ((!isHost && !Object.hasOwn(roles, ownRole)) || process.send === undefined) {
  process.stderr.write('only the harness can start this program\n')
  process.exit(2)
}

// V8 throws away the bytecode of what was not called for a while; compiling it again when a port is granted after a
// minute takes some milliseconds, and everybody in the host waits for them.
if (isHost) setFlagsFromString('--no-flush-bytecode')

// What a guardian starts would inherit it.
if (ownRole !== 'guardian') volunteerForTheOutOfMemoryKiller()

process.on('disconnect', async () => {
  // Its primary is gone, not the harness.
  if (ownRole === workerRole) process.exit(0)
  await restoreSettings()
  removeTemporaryProgram()
  process.exit(0)
})
// A terminal sends Ctrl-C to the whole process group; the harness decides what becomes of its processes.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => undefined)
}

const playing = new Map<number, Play>()
if (!isHost) playing.set(soleActor, open(ownRole, soleActor))

function open(role: string, actor: number): Play {
  const opener = roles[role]
  if (opener === undefined) throw new Error(`unknown role: ${role}`)
  return opener((notice, connection) => tell(actor, notice, connection))
}

/** Resolved when it has been sent. */
function tell(actor: number, notice: Notice, connection?: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.({actor, tells: notice}, connection, {}, (error) => {
      if (error) reject(error)
      else resolve()
    })
  })
}

process.on('message', async (message: unknown, connection?: Socket) => {
  if (isPace(message)) playing.get(message.actor)?.setPacing?.(message.pace)
  if (!isRequest(message)) return
  const {id, actor, request} = message
  let answer: Answer
  try {
    answer = {answerTo: id, result: await handled(message, connection)}
  } catch (error) {
    answer = {answerTo: id, error: errorFields(error)}
  }
  process.send?.(answer, undefined, {}, () => {
    if (request === 'exit' && actor === soleActor) process.exit(0)
  })
})

/** @throws Error for a request that this role does not know, or whose params are something else */
async function handled(message: RequestMessage, connection?: Socket): Promise<unknown> {
  const {actor, request, params} = message
  if (isHost && request === 'leave') {
    leave(actor)
    return null
  }
  const {handlers} = playOf(message)
  if (!Object.hasOwn(handlers, request)) throw new Error(`unknown request: ${request}`)
  const name = request as RequestName
  if (!requests[name].params(params)) throw new Error(`malformed request: ${request}`)
  const handle = handlers[name] as (params: unknown, connection?: Socket) => Promise<unknown>
  const result = await insideOf(message, () => handle(params, connection))
  if (isHost && request === 'exit') leave(actor)
  return result
}

function insideOf<Result>({inside}: RequestMessage, act: () => Result): Result {
  if (inside === undefined) return act()
  const namespace = playing.get(inside)?.namespace?.()
  if (namespace === undefined) throw new Error('there is no such namespace')
  return withNamespace(namespace, act)
}

/** A host's actor comes to be with the first that is asked of it. */
function playOf({actor, role}: RequestMessage): Play {
  const known = playing.get(actor)
  if (known !== undefined) return known
  if (!isHost || !hosts[ownRole]?.includes(role)) throw new Error(`nobody plays here: ${role}`)
  const play = open(role, actor)
  playing.set(actor, play)
  return play
}

function leave(actor: number): void {
  playing.get(actor)?.close()
  playing.delete(actor)
}

void tell(soleActor, {notice: 'ready', pid: process.pid})
