import {clientHost, socketAddress} from '../sockets/address.ts'
import {bindFlags} from '../sockets/bind-options.ts'
import type {BindQuestion, PredecessorOptions, ServerOptions} from './platform.ts'

/** A socket as the bind rules of the operating systems look at it. */
export interface BoundSocket {
  family: 'ipv4' | 'ipv6'
  /** `*` for the wildcard; an IPv4-mapped IPv6 address is written as IPv4. */
  address: string
  ipv6Only: boolean
  reuseaddr: boolean
  reuseport: boolean
  listening: boolean
  /** Whether it has a peer: connections do, in whatever state they are. */
  connected: boolean
}

/** The socket that a server binds, before it listens. */
export function newcomer({address, bind}: ServerOptions): BoundSocket {
  const {family, host, ipv6Only} = socketAddress(address)
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(host) ?? []
  return {
    family,
    address: mapped ?? (host === '0.0.0.0' || host === '::' ? '*' : host),
    ipv6Only: ipv6Only && mapped === undefined,
    ...bindFlags(bind),
    listening: false,
    connected: false,
  }
}

/** The local address that connect() gives to a socket which has none, by where it connects to. */
export type SourceAddress = (destination: string) => string

/**
 * The socket that the predecessor left. An accepted connection is a copy of its listener, options
 * included, with the connection's own local address; an outgoing connection has the options of its own
 * bind, and a wildcard has become the source address.
 * @param source where the OS differs from the usual: a connection to one's own address comes from it
 */
export function socketInTheWay(
  {residue, predecessor}: BindQuestion,
  source: SourceAddress = (destination) => destination,
): BoundSocket | undefined {
  if (residue === 'none' || residue === 'CLOSED') return undefined
  if (predecessor.bind === 'autobind') return autobound(predecessor, source)
  const {bind, address} = predecessor
  const bound = newcomer({bind, address})
  if (residue === 'LISTEN') return {...bound, listening: true}
  return {
    ...bound,
    address: bound.address === '*' ? clientHost(address) : bound.address,
    connected: true,
  }
}

/** No bind() was called, so nothing but the program itself can have set IPV6_V6ONLY. */
function autobound({address}: PredecessorOptions, source: SourceAddress): BoundSocket {
  return {
    family: socketAddress(address).family,
    address: source(clientHost(address)),
    ipv6Only: address === '::',
    ...bindFlags('none'),
    listening: false,
    connected: true,
  }
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
