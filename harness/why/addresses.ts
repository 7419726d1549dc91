import {lookup} from 'node:dns/promises'
import {isIP} from 'node:net'
import {UsageError} from '../errors.ts'
import type {Address} from '../sockets/address.ts'
import {isPlainBindGranted} from '../sockets/native.ts'

/** Where servers usually listen: the wildcards and loopback. */
const ipv4Addresses: readonly Address[] = ['0.0.0.0', '127.0.0.1']
const ipv6Addresses: readonly Address[] = ['dual', '::', '::1']

/**
 * The addresses that a bind is to be tried on: those that `host` stands for, or the usual ones, those of
 * IPv6 only where there is IPv6.
 * @throws UsageError if `host` is neither an address nor the name of one
 */
export async function addressesToTry(host: string | undefined): Promise<Address[]> {
  if (host === undefined) {
    // Port 0 is always free, so a refusal means that the host has no IPv6 loopback address.
    return isPlainBindGranted('::1', 0) ? [...ipv4Addresses, ...ipv6Addresses] : [...ipv4Addresses]
  }
  if (host === 'dual' || isIP(host) !== 0) return [canonical(host)]
  try {
    const found = await lookup(host, {all: true})
    return [...new Set(found.map(({address}) => canonical(address)))]
  } catch {
    throw new UsageError(
      `--host ${host}: neither an IP address nor a name that can be resolved; give an address, e.g. 127.0.0.1`,
    )
  }
}

/** An address as the socket tables write it: IPv6 in its shortest form, IPv4-mapped addresses as IPv4. */
function canonical(host: string): Address {
  if (host.includes('%')) {
    throw new UsageError(`--host ${host}: an address with a zone cannot be tried; leave out %...`)
  }
  if (isIP(host) !== 6) return host
  const address = new URL(`http://[${host}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address)
  if (mapped === null) return address
  return mapped
    .slice(1)
    .map((word) => Number.parseInt(word, 16))
    .flatMap((word) => [word >> 8, word & 0xff])
    .join('.')
}
