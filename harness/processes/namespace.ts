import {writeFileSync} from 'node:fs'
import {makeNetworkNamespace, type NetworkNamespace} from '../sockets/network-namespace.ts'
import type {Handlers} from './protocol.ts'
import type {Play} from './role.ts'

/**
 * Each namespace gets its own connection table with this many entries (net/ipv4/tcp_ipv4.c: tcp_set_hashinfo, since
 * Linux 6.1). Otherwise it shares the machine's, and reading its sockets walks past everybody's.
 */
const tableEntries = 1024
let isSized = false

/** A private network namespace that other actors of the host play in; it disappears with them and the keeper. */
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
    // An older kernel, or a user without the right to write it: reading only takes longer.
  }
}
