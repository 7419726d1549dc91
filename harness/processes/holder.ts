import {once} from 'node:events'
import type {Socket} from 'node:net'
import {type Bracket, monotonicSeconds} from '../clock.ts'
import type {Handlers} from './protocol.ts'
import type {Play} from './role.ts'

/**
 * Goes on holding a connection which the predecessor had accepted, as a worker, a CGI
 * program or any child that inherited the descriptor does.
 */
export function openHolder(): Play {
  let held: Socket | undefined
  const handlers = {
    async 'take-connection'(_params: null, socket?: Socket): Promise<Bracket> {
      const from = monotonicSeconds()
      if (socket === undefined) throw new Error('no connection came with the message')
      held = socket
      held.on('error', () => undefined)
      return {from, to: monotonicSeconds()}
    },

    async 'close-connection'(): Promise<Bracket> {
      if (held === undefined) throw new Error('no connection is held')
      const from = monotonicSeconds()
      const closed = once(held, 'close')
      held.resume().end()
      await closed
      return {from, to: monotonicSeconds()}
    },

    async exit() {
      return {openConnections: 0}
    },
  } satisfies Handlers
  return {handlers, close: () => held?.destroy()}
}
