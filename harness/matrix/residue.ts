import {monotonicSeconds} from '../clock.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import {clientHost, type SocketAddress, socketAddress} from '../sockets/address.ts'
import {
  acceptNext,
  acknowledgeNow,
  doNotBlock,
  listenOn,
  localPort,
  sendFin,
  startConnecting,
} from '../sockets/connection.ts'
import {bindSocket, makeSocket} from '../sockets/native.ts'
import type {Cell} from './cells.ts'
import {residueState} from './question.ts'
import type {Targets} from './target.ts'
import type {Workbench} from './workbench.ts'

/** What a cell's residue is made with. */
export interface Workplace {
  workbench: Workbench
  targets: Targets
  /** A port that is proven free, and this cell's alone. */
  takePort(): Promise<number>
}

/** A residue as it lies on its port. */
export interface Made {
  port: number
  state: TcpState | 'none'
  /** The earliest moment at which it can have come to this state, monotonic seconds. */
  since: number
  /** The other end of an outgoing connection. */
  remotePort?: number
}

/** The ends of a connection: the one on the port in question, and its peer. */
interface Ends {
  own: number
  peer: number
}

type ConnectionState = 'ESTABLISHED' | 'FIN_WAIT2' | 'TIME_WAIT' | 'CLOSE_WAIT'

/** What the two sides do, once they are connected, until the port's own side is in the state. */
const endings: Record<ConnectionState, (ends: Ends, workbench: Workbench) => Promise<void>> = {
  ESTABLISHED: ({own}, workbench) => workbench.settled(own, 'ESTABLISHED'),
  async CLOSE_WAIT({own, peer}, workbench) {
    workbench.close(peer)
    await workbench.settled(own, 'CLOSE_WAIT')
  },
  async FIN_WAIT2({own, peer}, workbench) {
    sendFin(own)
    await workbench.end(peer)
    acknowledgeNow(peer)
    await workbench.settled(own, 'FIN_WAIT2')
    workbench.close(own)
  },
  async TIME_WAIT({own, peer}, workbench) {
    sendFin(own)
    await workbench.end(peer)
    // A FIN that overtook the ACK of ours would let TIME_WAIT be ended by RST (processes/acknowledged.ts says how).
    acknowledgeNow(peer)
    await workbench.settled(own, 'FIN_WAIT2')
    workbench.close(peer)
    await workbench.end(own)
    // Linux moves the state to a small socket without an fd, and shows the large one as closed.
    await workbench.settled(own, 'TIME_WAIT', 'CLOSED')
    workbench.close(own)
  },
}

/**
 * Makes what a cell's predecessor leaves on the port.
 * @throws NotSettled, SystemError, NoFreePort, or the interruption
 */
export async function makeResidue(cell: Cell, place: Workplace): Promise<Made> {
  const {state, outgoing} = residueState(cell.residue)
  if (state === 'none' || state === 'LISTEN') return leaveListener(cell, state, place)
  const ending = endings[state as ConnectionState]
  const {made, ends} = outgoing
    ? await connectOut(cell, place)
    : await acceptAndStopListening(cell, place)
  const since = monotonicSeconds()
  await ending(ends, place.workbench)
  return {...made, state, since}
}

async function leaveListener(
  {predecessor}: Cell,
  state: 'none' | 'LISTEN',
  {workbench, takePort}: Workplace,
): Promise<Made> {
  const port = await takePort()
  const since = monotonicSeconds()
  const listener = listen(predecessor, port, workbench)
  if (state === 'none') workbench.close(listener)
  else await workbench.settled(listener, 'LISTEN')
  return {port, state, since}
}

async function acceptAndStopListening({predecessor}: Cell, {workbench, takePort}: Workplace) {
  const port = await takePort()
  const listener = listen(predecessor, port, workbench)
  const host = clientHost(predecessor.address)
  const peer = workbench.keep(makeSocket({address: host, bind: 'none'}))
  startConnecting(peer, socketAddress(host), port)
  const {fd} = await workbench.until(() => acceptNext(listener), 'an accepted connection')
  const own = workbench.keep(fd)
  workbench.close(listener)
  return {made: {port}, ends: {own, peer}}
}

async function connectOut({predecessor}: Cell, {workbench, targets, takePort}: Workplace) {
  const {bind, address} = predecessor
  const target = await targets.of(address)
  // IPV6_V6ONLY is for wildcards; a client that connects to ::1 does not set it.
  const unbound = address === '::1' ? 'dual' : address
  const own = workbench.keep(
    bind === 'autobind'
      ? makeSocket({address: unbound, bind: 'none'})
      : makeSocket({address, bind}),
  )
  if (bind !== 'autobind') bindSocket(own, address, await takePort())
  startConnecting(own, destination(address, target.host), target.port)
  const port = localPort(own)
  const peer = await targets.accepted(target, port, workbench)
  return {made: {port, remotePort: target.port}, ends: {own, peer}}
}

/** A dual-stack socket reaches IPv4 by mapped addresses. */
function destination(address: string, host: string): SocketAddress {
  return address === 'dual'
    ? {family: 'ipv6', host: `::ffff:${host}`, ipv6Only: false}
    : socketAddress(host)
}

function listen({bind, address}: Cell['predecessor'], port: number, workbench: Workbench): number {
  if (bind === 'autobind') throw new TypeError('a listener cannot be without a bind')
  const listener = workbench.keep(makeSocket({address, bind}))
  bindSocket(listener, address, port)
  doNotBlock(listener)
  listenOn(listener, 1)
  return listener
}
