/**
 * What `node --import rebind/explain` loads first. When a server cannot listen, the answer of `rebind why` stands on stderr
 * before the stack trace. The program gets the same error, and nothing is done as long as all goes well.
 */
import {Server} from 'node:net'
import {cluster} from './cluster.ts'
import {refusalOf} from './node-error.ts'
import {explainNow, explainSoon, quietly} from './tell.ts'
import {joinTree} from './tree.ts'

type Emit = (this: Server, ...args: unknown[]) => boolean

/** Whose `emit` others may replace (node:domain), so it is asked for each time. */
const emitters: {emit: Emit} = Object.getPrototypeOf(Server.prototype)
/** The `emit` that ours stands in the place of, for a moment. */
let replaced: Emit | undefined

joinTree()
Server.prototype.emit = function emit(this: Server, ...args: unknown[]): boolean {
  const original = replaced ?? emitters.emit
  if (args[0] !== 'error') return Reflect.apply(original, this, args)
  quietly(() => notice(this, args[1]))
  if (replaced !== undefined || this.listenerCount('error') > 0) {
    return Reflect.apply(original, this, args)
  }
  // Node prints from where an error that nobody handles was emitted: who has called EventEmitter.prototype.emit.
  replaced = original
  emitters.emit = Server.prototype.emit as Emit
  try {
    return Reflect.apply(original, this, args)
  } finally {
    emitters.emit = original
    replaced = undefined
  }
}

function notice(server: Server, error: unknown): void {
  const refusal = refusalOf(error)
  if (refusal === undefined) return
  if (server.listenerCount('error') === 0) explainNow(refusal)
  else if (!listensForWorkers(server)) explainSoon(refusal)
}

/**
 * Whether it is a server by which a cluster's primary listens for its workers, which get the error, too (Node's
 * lib/internal/cluster/round_robin_handle.js: it takes no connection itself, and `fail` is there to say so).
 */
function listensForWorkers(server: Server): boolean {
  const {isPrimary, workers} = cluster()
  const [onConnection] = server.listeners('connection')
  return isPrimary && Object.keys(workers ?? {}).length > 0 && onConnection?.name === 'fail'
}
