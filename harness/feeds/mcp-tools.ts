import {checkRestart} from '../check/check.ts'
import {monotonicSeconds} from '../clock.ts'
import {readMachine} from '../documents/host.ts'
import {UsageError} from '../errors.ts'
import {renderAsMarkdown} from '../render/markdown.ts'
import {checkView} from '../views/check.ts'
import {listenersView} from '../views/listeners.ts'
import {whyView} from '../views/why.ts'
import {whyPath, whyPort} from '../why/ask.ts'
import {listListeners} from '../why/listeners.ts'
import {refusedIn} from '../why/port-in-message.ts'
import {watchUntilFree} from '../why/until-free.ts'

/** What the Model Context Protocol calls a tool, and what it does. */
export interface Tool {
  name: string
  title: string
  description: string
  /** JSON Schema. */
  inputSchema: {type: 'object'; properties: Record<string, object>; required?: string[]}
  annotations: {readOnlyHint: boolean; destructiveHint: boolean; openWorldHint: false}
  /** @throws UsageError for arguments that are invalid */
  call(given: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Told>
}

/** For the model, as Markdown, and for programs. */
export interface Told {
  text: string
  document: object
}

/** The command that may be checked, and its port if that is fixed, too. */
export interface CheckedCommand {
  command: readonly string[]
  port: number | undefined
  address: string
}

const looksOnly = {readOnlyHint: true, destructiveHint: false, openWorldHint: false} as const
const portSchema = {type: 'integer', minimum: 1, maximum: 65_535, description: 'TCP port'}
const hostSchema = {
  type: 'string',
  description: 'Address to bind; by default the wildcards and loopback',
}
/** Clients of the protocol give up on a call after 60 s, as a rule. */
const usualTimeoutSeconds = 50
/** A restart that waits as long as this is not safe, however long it goes on; it also has to start and stop. */
const usualLimitSeconds = 30
const longestTimeoutSeconds = 600

const whyTool: Tool = {
  name: 'why',
  title: 'Why a port cannot be bound',
  description:
    'Explains EADDRINUSE, EACCES and EADDRNOTAVAIL: what is on a TCP port or Unix socket, which process has it, who started that and where, until when it stays, and what to do. Give the error message, the port, or the path. Changes nothing and ends nothing.',
  inputSchema: {
    type: 'object',
    properties: {
      port: portSchema,
      path: {type: 'string', description: 'Path of a Unix socket'},
      message: {type: 'string', description: 'The error message, or the log with it'},
      host: hostSchema,
    },
  },
  annotations: looksOnly,
  async call(given) {
    const host = textIn(given, 'host')
    const {port, path, address} = targetIn(given)
    const document =
      path === undefined ? await whyPort(port ?? 0, {host: host ?? address}) : await whyPath(path)
    return {text: renderAsMarkdown(whyView(document)), document}
  },
}

const listenersTool: Tool = {
  name: 'listeners',
  title: 'Who listens on this machine',
  description:
    'Lists all listening TCP sockets with their processes: command line, user, folder, start time, and the chain of processes that started each. Changes nothing.',
  inputSchema: {type: 'object', properties: {}},
  annotations: looksOnly,
  async call() {
    const document = await listListeners(await readMachine())
    return {text: renderAsMarkdown(listenersView(document)), document}
  },
}

const watchTool: Tool = {
  name: 'watch_until_free',
  title: 'Wait until a port is free',
  description:
    'Waits until a plain bind of the port is granted, or the timeout is over. Ends nothing: use it after you have stopped a server, instead of sleeping.',
  inputSchema: {
    type: 'object',
    properties: {
      port: portSchema,
      host: hostSchema,
      timeout_seconds: {
        ...{type: 'number', exclusiveMinimum: 0, maximum: longestTimeoutSeconds},
        ...{default: usualTimeoutSeconds, description: 'How long to wait'},
      },
    },
    required: ['port'],
  },
  annotations: looksOnly,
  async call(given, signal) {
    const port = portIn(given)
    const timeoutSeconds = secondsIn(given, 'timeout_seconds', usualTimeoutSeconds)
    const began = monotonicSeconds()
    const host = textIn(given, 'host')
    const free = await watchUntilFree(port, {host, timeoutSeconds, signal})
    const seconds = monotonicSeconds() - began
    const text = free
      ? `Port ${port} is free: a plain bind is granted (after ${seconds.toFixed(1)} s).`
      : `Port ${port} is not free after ${timeoutSeconds} s. The tool why says what is on it.`
    return {text, document: {port, free, seconds}}
  },
}

/** Only the command that was fixed when the server was started: a model cannot choose what is run. */
function checkTool({command, port: fixed, address}: CheckedCommand): Tool {
  let isRunning = false
  return {
    name: 'check',
    title: 'Restart the server under a connection',
    description: `Starts this command, restarts it while clients are connected, and says whether it gets its port back at once, and if not, what to change: ${command.join(' ')}. It is ended afterwards. The port must be free before.`,
    inputSchema: {
      type: 'object',
      properties: {
        ...(fixed === undefined ? {port: portSchema} : {}),
        limit_seconds: {
          ...{type: 'number', exclusiveMinimum: 0, maximum: longestTimeoutSeconds},
          ...{default: usualLimitSeconds, description: 'How long the restart is tried'},
        },
      },
      ...(fixed === undefined ? {required: ['port']} : {}),
    },
    annotations: {readOnlyHint: false, destructiveHint: false, openWorldHint: false},
    async call(given, signal) {
      const port = fixed ?? portIn(given)
      const limitSeconds = secondsIn(given, 'limit_seconds', usualLimitSeconds)
      if (isRunning) throw new UsageError('a check is running; wait until it has ended')
      isRunning = true
      try {
        const document = await checkRestart({command, port, address, limitSeconds}, {}, signal)
        return {text: renderAsMarkdown(checkView(document)), document}
      } finally {
        isRunning = false
      }
    },
  }
}

/** All tools; `check` only with a command. */
export function toolsFor(checked: CheckedCommand | undefined): Tool[] {
  const looking = [whyTool, listenersTool, watchTool]
  return checked === undefined ? looking : [...looking, checkTool(checked)]
}

function targetIn(given: Readonly<Record<string, unknown>>): {
  port?: number
  path?: string
  address?: string
} {
  const [path, message] = [textIn(given, 'path'), textIn(given, 'message')]
  if (given.port !== undefined) return {port: portIn(given)}
  if (path !== undefined) return {path}
  if (message === undefined) throw new UsageError('give one of port, path and message')
  const [first] = refusedIn(message).refused
  if (first !== undefined) return first
  throw new UsageError('the message names no port; look in the configuration, and give port')
}

function portIn({port}: Readonly<Record<string, unknown>>): number {
  if (typeof port !== 'number') throw new UsageError('port must be a number from 1 to 65535')
  return port
}

function textIn(given: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = given[name]
  if (value === undefined || typeof value === 'string') return value
  throw new UsageError(`${name} must be a text`)
}

function secondsIn(
  given: Readonly<Record<string, unknown>>,
  name: string,
  usually: number,
): number {
  const {[name]: value = usually} = given
  if (typeof value === 'number' && value > 0 && value <= longestTimeoutSeconds) return value
  throw new UsageError(`${name} must be a number of seconds, at most ${longestTimeoutSeconds}`)
}
