import {clientHost, socketAddress} from '../sockets/address.ts'
import {bindFlags} from '../sockets/bind-options.ts'
import type {BindQuestion, ServerOptions} from './platform.ts'

/** A socket as the bind rules of the operating systems look at it. */
export interface BoundSocket {
  family: 'ipv4' | 'ipv6'
  /** `*` for the wildcard; an IPv4-mapped IPv6 address is written as IPv4. */
  address: string
  ipv6Only: boolean
  reuseaddr: boolean
  reuseport: boolean
  listening: boolean
  /** Whether it has a peer: accepted connections do, in whatever state they are. */
  connected: boolean
}

/** The socket that a server binds, before it listens. */
export function newcomer({address, bind}: ServerOptions): BoundSocket {
  const {family, host, ipv6Only} = socketAddress(address)
  return {
    family,
    address: host === '0.0.0.0' || host === '::' ? '*' : host,
    ipv6Only,
    ...bindFlags(bind),
    listening: false,
    connected: false,
  }
}

/**
 * The socket that the predecessor left. An accepted connection is a copy of its listener, options
 * included, with the connection's own local address.
 */
export function socketInTheWay({residue, predecessor}: BindQuestion): BoundSocket | undefined {
  if (residue === 'none' || residue === 'CLOSED') return undefined
  const listener = newcomer(predecessor)
  if (residue === 'LISTEN') return {...listener, listening: true}
  return {...listener, address: clientHost(predecessor.address), connected: true}
}

/**
 * The IP versions that a socket takes part in (XNU's inp_vflag, gVisor's effectiveNetProtos): a
 * dual-stack listener is of both, a connection that it accepted only of its packets' own.
 */
export function protocols(socket: BoundSocket): ('ipv4' | 'ipv6')[] {
  const {family, address, ipv6Only, connected} = socket
  if (family === 'ipv4') return ['ipv4']
  if (connected) return [address.includes(':') ? 'ipv6' : 'ipv4']
  return address === '*' && !ipv6Only ? ['ipv4', 'ipv6'] : ['ipv6']
}
