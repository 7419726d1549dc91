import type {Socket} from 'node:net'
import type {NetworkNamespace} from '../sockets/network-namespace.ts'
import type {Pacing} from './pacing.ts'
import type {Handlers, Notice} from './protocol.ts'

/** Tells the harness something of this actor; resolved when it has been sent. */
export type Tell = (notice: Notice, connection?: Socket) => Promise<void>

/** One actor at work: all that it has is its own, as others may be played in the same process. */
export interface Play {
  handlers: Handlers
  /** A successor has been told when its next attempts are due. */
  setPacing?(pacing: Pacing): void
  /** The namespace that other actors of this host can play in. */
  namespace?(): NetworkNamespace | undefined
  /** Closes all that it has open, as the end of a process does. */
  close(): void
}
