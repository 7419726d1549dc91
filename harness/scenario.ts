import type {TcpState} from './platforms/tcp-states.ts'
import type {Address} from './sockets/address.ts'
import type {BindOption} from './sockets/bind-options.ts'

/** A server's options: plain `server.listen`, or a socket of our own with exactly these bind options. */
export type ServerSpec =
  | {opener: 'node'; address?: Address; reads?: boolean}
  | {bind: BindOption; address?: Address; reads?: boolean}

/** The steps of a scenario, as functions that its script calls in order. */
export interface Script {
  /** The predecessor, which listens when the script begins. */
  server: {
    /** FIN on the accepted connection: active close, or passive if the client has closed already. */
    closeConnection(): Promise<void>
    /** close(2) on the accepted connection, whatever lies unread in it. */
    destroyConnection(): Promise<void>
    /** RST on the accepted connection. */
    abortConnection(): Promise<void>
    /** Another process gets the accepted connection and goes on holding it. */
    handOverConnection(): Promise<void>
    exit(): Promise<void>
    /** SIGKILL. */
    kill(): Promise<void>
  }
  client: {
    /** Connects and reads the greeting. Closes when the server closes, unless it is to hold on. */
    connect(options?: {hold?: boolean}): Promise<void>
    /** Sends bytes that the server may or may not read. */
    send(text: string): Promise<void>
    /** FIN, if not sent yet; done when both sides have closed. */
    close(): Promise<void>
    /** RST. */
    abort(): Promise<void>
  }
  /** The process that was given the accepted connection. */
  holder: {
    closeConnection(): Promise<void>
  }
  successor: {
    /** The restart: the first bind attempt is made; from here on the successor tries until granted. */
    start(): Promise<void>
  }
  /** Lets time pass, as part of the story. */
  seconds(count: number): Promise<void>
}

/** What is left at either end of the connection when the successor first tries. */
export interface Residue {
  server: TcpState | 'none'
  client?: TcpState
  /** What the server's residue turns into while the successor already tries. */
  later?: TcpState
}

/** A piece of common advice that the scenario puts to the test. */
export interface CommonAdvice {
  says: string
  /** What would be seen if it were the whole truth. */
  predicts: {verdict: 'immediate' | 'delayed'} | {residue: TcpState | 'none'}
}

/**
 * One named restart. It states what happens on the wire; what the operating system makes of it is the
 * platform's to say.
 */
export interface Scenario {
  title: string
  /** One sentence. */
  claim: string
  predecessor: ServerSpec
  successor: ServerSpec
  script(script: Script): Promise<void>
  residue: Residue
  advice?: CommonAdvice
}

/** Names the shape of a scenario file's default export. */
export function scenario(definition: Scenario): Scenario {
  return definition
}
