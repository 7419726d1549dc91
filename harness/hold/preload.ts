/**
 * What `rebind hold` has every Node process below its command load first: a `listen` on the held port gets the held
 * socket. It comes by a Unix socket, since npm and node --watch pass no descriptor on. Nothing else is changed, and if
 * the socket is not available, `listen` does what it always does.
 */
import cluster from 'node:cluster'
import {isIP, Server} from 'node:net'
import {closeNative} from '../sockets/native.ts'
import {connectUnix, receiveFd} from '../sockets/pass-fd.ts'
import {type Held, heldVariable} from './held.ts'

const held = readHeld()
// A worker of a cluster asks its primary, who listens in this way, too.
if (held !== undefined && !cluster.isWorker) {
  const {listen} = Server.prototype
  Server.prototype.listen = function (this: Server, ...args: unknown[]) {
    const fd = isHeld(args, held) ? fetchSocket(held.path) : undefined
    return Reflect.apply(listen, this, fd === undefined ? args : [{fd}, ...callbackOf(args)])
  }
}

function readHeld(): Held | undefined {
  try {
    return JSON.parse(process.env[heldVariable] ?? 'null') ?? undefined
  } catch {
    return undefined
  }
}

/** Whether the socket that these arguments of listen() ask for is the held one. */
function isHeld([first, second]: unknown[], {port, address}: Held): boolean {
  const isObject = typeof first === 'object' && first !== null
  const options = (isObject ? first : {port: first, host: second}) as Record<string, unknown>
  if (Number(options.port) !== port) return false
  if (['fd', 'path', 'handle', '_handle'].some((name) => options[name] != null)) return false
  const {host} = options
  if (typeof host !== 'string' || isIP(host) === 0 || host === address) return true
  // Another specific address is another socket.
  return host === '0.0.0.0' || host === '::'
}

function fetchSocket(path: string): number | undefined {
  try {
    const socket = connectUnix(path)
    try {
      return receiveFd(socket)
    } finally {
      closeNative(socket)
    }
  } catch (error) {
    process.stderr.write(`rebind hold: the socket is not available: ${(error as Error).message}\n`)
    return undefined
  }
}

function callbackOf(args: unknown[]): unknown[] {
  const last = args.at(-1)
  return typeof last === 'function' ? [last] : []
}
