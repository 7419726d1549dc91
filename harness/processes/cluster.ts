import nodeCluster, {type Worker} from 'node:cluster'
import {once} from 'node:events'
import {createServer} from 'node:net'
import {socketAddress} from '../sockets/address.ts'
import {greetingLine} from './greeting.ts'
import type {ServerToOpen} from './protocol.ts'
import type {Play} from './role.ts'

/** A primary of node:cluster, which has the listening socket, and its worker, which accepts. */
export interface Cluster {
  /** Resolved when the worker accepts. */
  accepts: Promise<void>
  /** A new one accepts before the old one stops; resolved when that has ended. */
  replaceWorker(greeting: string): Promise<void>
  close(): void
}

/** The role in which this program is a worker; only a cluster starts it. */
export const workerRole = 'cluster-worker'
/** The environment variable that has what a worker needs. */
const variable = 'REBIND_CLUSTER_WORKER'

type WorkerOptions = Pick<ServerToOpen, 'address' | 'port' | 'greeting'>

export function openCluster({address, port, greeting}: ServerToOpen): Cluster {
  nodeCluster.setupPrimary({args: [workerRole]})
  const start = (options: WorkerOptions) => {
    const worker = nodeCluster.fork({[variable]: JSON.stringify(options)})
    return {worker, accepts: accepting(worker)}
  }
  let {worker, accepts} = start({address, port, greeting})
  return {
    accepts,
    async replaceWorker(newGreeting) {
      const old = worker
      ;({worker, accepts} = start({address, port, greeting: newGreeting}))
      await accepts
      const ended = once(old, 'exit')
      old.disconnect()
      await ended
    },
    close: () => worker.kill(),
  }
}

async function accepting(worker: Worker): Promise<void> {
  const ended = once(worker, 'exit').then(([status, signal]) => {
    throw new Error(`a worker of the cluster ended with ${signal ?? `status ${status}`}`)
  })
  ended.catch(() => undefined)
  await Promise.race([once(worker, 'listening'), ended])
}

/** Accepts and greets, as any server does; when its primary is gone, it ends, as Node has it. */
export function openClusterWorker(): Play {
  const {address, port, greeting} = JSON.parse(process.env[variable] ?? '') as WorkerOptions
  const {host, ipv6Only} = socketAddress(address)
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.resume()
    socket.write(greetingLine(greeting))
  })
  server.listen({host, port, ipv6Only})
  return {handlers: {}, close: () => server.close()}
}
