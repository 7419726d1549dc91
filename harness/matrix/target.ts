import {clientHost, socketAddress} from '../sockets/address.ts'
import {acceptNext, doNotBlock, listenOn} from '../sockets/connection.ts'
import {bindNative} from '../sockets/native.ts'
import type {Cell} from './cells.ts'
import type {Workbench} from './workbench.ts'

/** More than the connections that one batch of cells makes at the same time. */
const backlog = 512

/** Where the outgoing connections go to: one listener for each destination, on a port of its own. */
export interface Targets {
  /** The address that a predecessor of this address connects to, and the listener's port there. */
  of(address: Cell['predecessor']['address']): Promise<{host: string; port: number}>
  /** The accepted end of the connection that comes from a port; `workbench` owns it. */
  accepted(target: {port: number}, remotePort: number, workbench: Workbench): Promise<number>
}

/**
 * @param listeners owns the listening sockets
 * @param takePort gives a port that is proven free
 */
export function openTargets(listeners: Workbench, takePort: () => Promise<number>): Targets {
  const byHost = new Map<string, Promise<{host: string; port: number; fd: number}>>()
  const byPort = new Map<number, {fd: number; waiting: Map<number, number>}>()

  async function open(host: string) {
    const port = await takePort()
    const fd = listeners.keep(bindNative({address: host, port, bind: 'none'}))
    doNotBlock(fd)
    listenOn(fd, backlog)
    byPort.set(port, {fd, waiting: new Map()})
    return {host, port, fd}
  }

  return {
    of(address) {
      const {host} = socketAddress(clientHost(address))
      const target = byHost.get(host) ?? open(host)
      byHost.set(host, target)
      return target
    },
    accepted(target, remotePort, workbench) {
      return workbench.until(() => {
        const listener = byPort.get(target.port)
        if (listener === undefined) return undefined
        const {fd, waiting} = listener
        for (let next = acceptNext(fd); next !== undefined; next = acceptNext(fd)) {
          waiting.set(next.remotePort, workbench.keep(next.fd))
        }
        const own = waiting.get(remotePort)
        waiting.delete(remotePort)
        return own
      }, `an accepted connection from port ${remotePort}`)
    },
  }
}
