import {isIP, isIPv6} from 'node:net'

/**
 * The address of a server: an IP literal, or `dual` for `::` without IPV6_V6ONLY, which takes IPv4
 * connections too. Every other IPv6 address is opened with IPV6_V6ONLY.
 */
export type Address = string

export interface SocketAddress {
  readonly family: 'ipv4' | 'ipv6'
  readonly host: string
  readonly ipv6Only: boolean
}

/** A process deals with a handful of addresses, thousands of times; telling what one is takes as long as a bind. */
const known = new Map<Address, SocketAddress>()

/** @throws TypeError if `address` is neither an IP literal nor `dual`. */
export function socketAddress(address: Address): SocketAddress {
  const told = known.get(address) ?? parsed(address)
  known.set(address, told)
  return told
}

function parsed(address: Address): SocketAddress {
  if (address === 'dual') return {family: 'ipv6', host: '::', ipv6Only: false}
  if (isIP(address) === 0) throw new TypeError(`not an IP address: ${address}`)
  return isIPv6(address)
    ? {family: 'ipv6', host: address, ipv6Only: true}
    : {family: 'ipv4', host: address, ipv6Only: false}
}

/** Where a local client reaches a server that listens on `address`. */
export function clientHost(address: Address): string {
  if (address === '0.0.0.0' || address === 'dual') return '127.0.0.1'
  return address === '::' ? '::1' : address
}
