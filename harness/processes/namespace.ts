import {writeFileSync} from 'node:fs'
import {makeNetworkNamespace, type NetworkNamespace} from '../sockets/network-namespace.ts'
import type {Handlers} from './protocol.ts'
import type {Play} from './role.ts'

/**
 * A namespace gets a table of connections of its own, of this many entries (net/ipv4/tcp_ipv4.c: tcp_set_hashinfo, from
 * Linux 6.1). In the machine's, which all share otherwise, each look walks past everybody's sockets.
 */
const tableEntries = 1024
let isSized = false

/** A private network namespace, in which other actors of the host play; it is gone once they and the keeper are. */
export function openNamespace(): Play {
  let namespace: NetworkNamespace | undefined
  const handlers = {
    async 'make-namespace'() {
      sizeTables()
      namespace ??= makeNetworkNamespace()
      return {fd: namespace.fd}
    },
  } satisfies Handlers
  return {handlers, namespace: () => namespace, close: () => namespace?.close()}
}

function sizeTables(): void {
  if (isSized) return
  isSized = true
  try {
    writeFileSync('/proc/sys/net/ipv4/tcp_child_ehash_entries', String(tableEntries))
  } catch {
    // An older kernel, or a user who may not write it: it only takes longer.
  }
}
