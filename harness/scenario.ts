import type {DroppedPackets} from './namespaces/packet-filter.ts'
import type {TcpState} from './platforms/tcp-states.ts'
import type {WireClaimId} from './platforms/wire-claims.ts'
import type {Counts, RetryOptions, WrittenSettings} from './processes/protocol.ts'
import type {Address} from './sockets/address.ts'
import type {BindOption} from './sockets/bind-options.ts'

/** Plain node:net, or a socket of our own with exactly these bind options. */
export type SocketSpec = {opener: 'node'} | {bind: BindOption}

/** What only a server of Node's own can be. */
export interface NodeServer {
  /** node:http: it answers each request and keeps the connection. */
  http?: true
  /** node:cluster: a worker accepts, and the primary has the listening socket. A successor is a worker that takes its place. */
  cluster?: true
  /** `server.listen({reusePort: true})`, which sets SO_REUSEPORT, too (Node 22.12 or later). */
  reusePort?: true
}

export type ServerSpec = (({opener: 'node'} & NodeServer) | {bind: BindOption}) & {
  address?: Address
  /** By default one that is free. Only in a namespace of the scenario's own, where all are. */
  port?: number
  /**
   * Its process is shared with others, which saves starting one: where its end does nothing but close what it has open.
   */
  hosted?: true
  /** The predecessor's process is another user's, which takes root, or sudo. */
  otherUser?: true
  /** False for a server that accepts no connection: they wait in the queue of its listening socket. */
  accepts?: false
  /** False for a server that never reads what its clients send. */
  reads?: boolean
  /**
   * The listening socket is opened by a supervisor, the harness, that keeps it and gives it to the server
   * as its file descriptor 3, as systemd does (sd_listen_fds(3)).
   */
  inherited?: true
  /**
   * The successor's own way of retrying, as p-retry's options. How long it goes on asking in vain after the
   * port is free is what such a scenario shows.
   */
  retry?: RetryOptions
}

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
    /** Another process gets the accepted connection and goes on holding it: a new one, or the client. */
    handOverConnection(to?: 'a holder' | 'the client'): Promise<void>
    /** Closes the listening socket, and nothing else. */
    stopListening(): Promise<void>
    exit(): Promise<void>
    /** SIGKILL. */
    kill(): Promise<void>
  }
  client: {
    /** Connects and reads the greeting. Closes when the server closes, unless it is to hold on. */
    connect(options?: {hold?: boolean}): Promise<void>
    /**
     * Connects to some other server, with the scenario's own port as the local one. The connection is the
     * other server's to close.
     */
    connectElsewhere(): Promise<void>
    /**
     * Tries to connect once more, from the local port of the last time or from another one, and gives up
     * after some seconds. What bind() and connect() answer is recorded and judged; no answer is a failure.
     */
    reconnect(from: 'the same port' | 'another port'): Promise<void>
    /** The client's process ends and another one takes its place. */
    restart(): Promise<void>
    /**
     * Nobody listens: connects from whatever port the OS chooses, again and again, until it is connected or was
     * refused so many times, and counts.
     */
    retry(times: number): Promise<void>
    /** Connects so many times at once, to a server that accepts none. */
    queue(connections: number): Promise<void>
    /** Waits what becomes of each of those, and counts it. */
    countQueued(): Promise<void>
    /** Connects so many times, one after the other, and counts which server answers. */
    countAnswers(connections: number, host?: 'localhost'): Promise<void>
    /** From here on connects every few milliseconds, whatever comes of it. */
    keepConnecting(): Promise<void>
    /** Ends that, waits for the connections that are under way, and counts what came of each. */
    stopConnecting(): Promise<void>
    /** Sends bytes that the server may or may not read. */
    send(text: string): Promise<void>
    /**
     * FIN, if not sent yet; done when both sides have closed. With a witness, the same happens on another
     * port at the same moment: that one is tried every millisecond, and shows when the OS lets both go.
     */
    close(options?: {witness?: boolean}): Promise<void>
    /** FIN, whatever the server then does. */
    sendFin(): Promise<void>
    /** FIN from either end, at the same moment; for a client that was handed the accepted one, too. */
    closeBothEnds(): Promise<void>
    /** RST. */
    abort(): Promise<void>
  }
  /** Only in a namespace of the scenario's own. */
  network: {
    /** From here on these packets are dropped, and no others. */
    drop(what: DroppedPackets): Promise<void>
    /** Ends the sockets in this state on the server's port, as `ss -K` does (SOCK_DESTROY), and counts them. */
    destroy(state: TcpState): Promise<void>
    /** From here on all packets pass. */
    pass(): Promise<void>
    /**
     * Waits until the connection's ends are in these states, `CLOSED` meaning that nothing is left of one.
     * What happened to the packets since the first drop is counted.
     */
    shows(states: {server?: TcpState; client?: TcpState}): Promise<void>
  }
  /** The server that `client.connectElsewhere` connected to. */
  otherServer: {
    /** FIN: active close. */
    closeConnection(): Promise<void>
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

/** What is left at either end of the connection when the successor, or the client, first tries. */
export interface Residue {
  server: TcpState | 'none'
  client?: TcpState
  /** What the server's residue turns into while the successor already tries. */
  later?: TcpState
  /** The socket on the port is a client's: it made a connection with that local port. */
  outgoing?: true
  /** Clients come and go all the time, so other sockets than the residue are on the port, too. */
  amidTraffic?: true
  /** It is destroyed from outside before the successor tries; what that does, the OS decides. */
  destroyed?: true
  /** So many connections are in the predecessor's queue when it stops listening; what becomes of them, the OS decides. */
  queued?: number
  /** A client retries while nobody listens; whether the OS ever connects it to itself, and leaves this residue, the OS decides. */
  selfConnected?: true
  /** The client reconnects over this residue before the successor tries; what it does to it, the OS decides. */
  reconnected?: true
}

/** A network namespace of the scenario's own, made for it: all its processes run inside. */
export interface NamespaceSpec {
  /** Kernel settings there, by their file names in /proc/sys/net/ipv4. */
  settings?: WrittenSettings
  /** Its script drops packets, which needs nft(8). */
  dropsPackets?: true
  /** Its script destroys sockets, which not every kernel can. */
  destroysSockets?: true
  /**
   * On macOS, which has no namespaces, the settings of the machine itself that come nearest, by their
   * sysctl(8) names. They are touched only if the user allows it, and are restored.
   */
  onMacos?: WrittenSettings
}

/** A piece of common advice that the scenario puts to the test. */
export interface CommonAdvice {
  says: string
  /** What would be seen if it were the whole truth. */
  predicts:
    | {verdict: 'immediate' | 'delayed'}
    | {residue: TcpState | 'none'}
    /** The port is granted so soon after the residue appeared. */
    | {withinSeconds: number}
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
  /** None where it is the client that restarts. */
  successor?: ServerSpec
  /** How the client binds its local port before it connects; by default it leaves that to connect(). */
  client?: SocketSpec
  /** None: the machine as it is. */
  namespace?: NamespaceSpec
  script(script: Script): Promise<void>
  residue: Residue
  /**
   * Both servers listen on one address for a while; who answers, the OS decides. With the number of connections, where
   * all that are counted are made while both listen.
   */
  bothListen?: {connections?: number}
  /** The client sends its FIN again to a server in TIME_WAIT; whether that restarts its time, the OS decides. */
  finSentAgain?: true
  /** True if the script is to be played to its end even when the successor has got the port before. */
  playsOn?: true
  /** What has to be counted if all goes well. */
  counts?: Counts
  /** What has to be counted so many times at least. */
  atLeast?: Counts
  /** What its packets must show, by ids of platforms/wire-claims.ts; judged where they are captured whole. */
  wire?: readonly WireClaimId[]
  advice?: CommonAdvice
}

/** A scenario whose arms differ from it, and from each other, in a few of its fields. */
export interface ScenarioWithArms extends Scenario {
  arms: Readonly<Record<string, Partial<Scenario>>>
}

/** Scenarios that teach the same. */
export interface ScenarioGroup {
  /** Kebab-case, and stable. */
  id: string
  title: string
  /** One sentence. */
  lesson: string
  /** By their ids, in the order of the story. */
  scenarios: Readonly<Record<string, Scenario | ScenarioWithArms>>
}

/** Names the shape of a scenario file's default export. */
export function scenario<Definition extends Scenario | ScenarioWithArms>(
  definition: Definition,
): Definition {
  return definition
}

/** Every scenario by its id; an arm's is `scenario/arm`. */
export function expandArms(
  definitions: Readonly<Record<string, Scenario | ScenarioWithArms>>,
): Record<string, Scenario> {
  return Object.fromEntries(
    Object.entries(definitions).flatMap(([id, definition]): [string, Scenario][] => {
      if (!('arms' in definition)) return [[id, definition]]
      const {arms, ...common} = definition
      return Object.entries(arms).map(([arm, own]) => [`${id}/${arm}`, {...common, ...own}])
    }),
  )
}
