/**
 * The program that every process of a scenario runs: predecessor, successor, client and so on, as its
 * first argument says; and the guardian of the commands that `check` starts. It does what the harness asks
 * over the IPC channel and ends when that closes,
 * so that no process outlives the harness, however the harness ended.
 */
import type {Socket} from 'node:net'
import {clientHandlers} from './client.ts'
import {errorFields} from './errors.ts'
import {guardianHandlers} from './guardian.ts'
import {holderHandlers} from './holder.ts'
import {keeperHandlers} from './keeper.ts'
import {isPace, isRequest, requestShapes} from './message-shapes.ts'
import type {Answer, Handlers, Notice, RequestName} from './messages.ts'
import {volunteerForTheOutOfMemoryKiller} from './out-of-memory.ts'
import {predecessorHandlers} from './predecessor.ts'
import {restoreSettings, settingsKeeperHandlers} from './settings-keeper.ts'
import {setPacing, successorHandlers} from './successor.ts'
import {removeTemporaryProgram} from './temporary-program.ts'

const roles: Record<string, Handlers> = {
  predecessor: predecessorHandlers,
  // A successor that inherits its socket has nothing to bind, and listens as any server does.
  successor: {...successorHandlers, listen: predecessorHandlers.listen},
  client: clientHandlers,
  holder: holderHandlers,
  guardian: guardianHandlers,
  'other-server': predecessorHandlers,
  keeper: keeperHandlers,
  'settings-keeper': settingsKeeperHandlers,
}

const handlers = roles[process.argv[2] ?? '']
if (handlers === undefined || process.send === undefined) {
  process.stderr.write('this program is started by the harness only\n')
  process.exit(2)
}

// What a guardian starts would inherit it.
if (process.argv[2] !== 'guardian') volunteerForTheOutOfMemoryKiller()

process.on('disconnect', async () => {
  await restoreSettings()
  removeTemporaryProgram()
  process.exit(0)
})
// A terminal's Ctrl-C reaches every process of the group; it is the harness that decides who ends when.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)

process.on('message', async (message: unknown, connection?: Socket) => {
  if (isPace(message)) return setPacing(message.pace)
  // Who sends anything else is not the harness; there is nobody to answer.
  if (!isRequest(message)) return void connection?.destroy()
  const {id, request, takes} = message
  let answer: Answer
  try {
    answer = {answerTo: id, gives: await handlerOf(request, takes)(takes, connection)}
  } catch (error) {
    answer = {answerTo: id, error: errorFields(error)}
  }
  process.send?.(answer, undefined, {}, () => {
    if (request === 'exit') process.exit(0)
  })
})

/** @throws Error for a request that this role does not know, or that takes something else */
function handlerOf(request: string, takes: unknown) {
  if (handlers === undefined || !Object.hasOwn(handlers, request)) {
    throw new Error(`unknown request: ${request}`)
  }
  const name = request as RequestName
  if (!requestShapes[name].takes(takes)) throw new Error(`malformed request: ${request}`)
  return handlers[name] as (takes: unknown, connection?: Socket) => Promise<unknown>
}

const ready: Notice = {notice: 'ready', pid: process.pid}
process.send(ready)
