import {makeNetworkNamespace, type NetworkNamespace} from '../sockets/network-namespace.ts'
import type {Handlers} from './protocol.ts'
import type {Play} from './role.ts'

/** A private network namespace, in which other actors of the host play; it is gone once they and the keeper are. */
export function openNamespace(): Play {
  let namespace: NetworkNamespace | undefined
  const handlers = {
    async 'make-namespace'() {
      namespace ??= makeNetworkNamespace()
      return {fd: namespace.fd}
    },
  } satisfies Handlers
  return {handlers, namespace: () => namespace, close: () => namespace?.close()}
}
