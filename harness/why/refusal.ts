import type {BindOption} from '../sockets/bind-options.ts'

/** A bind of some program that the OS has refused. */
export type Refusal = PortRefusal | PathRefusal

export interface PortRefusal {
  code: string
  port: number
  /** As the program named it; null where it is not known. */
  address: string | null
  /** The options of the program's socket, where they are known. */
  bind?: BindOption
  /** The process that was refused, where it is known. */
  pid?: number
  /** Where the port was taken from, if nothing names it. */
  portFrom?: 'command' | 'variable'
}

/** The port that is meant where a message names none. */
export type KnownPort = Pick<PortRefusal, 'port' | 'portFrom'>

interface PathRefusal {
  code: string
  path: string
}
