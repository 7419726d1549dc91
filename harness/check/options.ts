import {statSync} from 'node:fs'
import {isIP} from 'node:net'
import {networkInterfaces} from 'node:os'
import {resolve} from 'node:path'
import type {StopSignal} from '../documents/check-schema.ts'
import {UsageError} from '../errors.ts'
import type {CommandToStart} from '../processes/protocol.ts'
import type {Thresholds} from './thresholds.ts'

/** What is to be checked, and how. */
export interface CheckOptions extends Thresholds {
  /** The program and its arguments; `{port}` in an argument stands for the port. */
  command: readonly string[]
  port: number
  /** Further ports that it has to listen on, such as a debugger's; one client is connected to each. */
  alsoPorts?: readonly number[]
  /** The IP address of this machine at which clients reach the server; 127.0.0.1 by default. */
  address?: string
  /** How many connections are open when the server is stopped; 1 by default. */
  connections?: number
  /** What each connection sends at once. */
  send?: Buffer
  /** Whether connections stay half-open when the server closes. */
  hold?: boolean
  /** SIGTERM by default; `none` waits until the server exits by itself. */
  stop?: StopSignal
  /** How long the server may take to exit; 10 by default. */
  stopTimeoutSeconds?: number
  /** How long the server may take to listen when it is first started; 30 by default. */
  startTimeoutSeconds?: number
  /** 1 by default. */
  rounds?: number
  /** How long the restart is tried in each round; 150 by default. */
  limitSeconds?: number
  /** Variables in addition to PATH, HOME and PORT. */
  env?: Readonly<Record<string, string>>
  cwd?: string
}

type ToStart = Pick<FilledOptions, 'command' | 'env' | 'cwd'> & {port: number | null}
export type FilledOptions = Required<Omit<CheckOptions, keyof Thresholds>> & Thresholds

/** Fills in the defaults. @throws UsageError for what cannot be */
export function fillOptions(options: CheckOptions): FilledOptions {
  const filled = {
    address: '127.0.0.1',
    alsoPorts: [],
    connections: 1,
    send: Buffer.alloc(0),
    hold: false,
    stop: 'SIGTERM' as const,
    stopTimeoutSeconds: 10,
    startTimeoutSeconds: 30,
    rounds: 1,
    limitSeconds: 150,
    env: {},
    cwd: process.cwd(),
    ...options,
  }
  const {command, address, cwd, port, alsoPorts} = filled
  if (command[0] === undefined || command[0] === '') {
    throw new UsageError(
      'no command given; put it after --, e.g. rebind check --port 3000 -- node server.js',
    )
  }
  const twice = alsoPorts.find((each, index) => each === port || alsoPorts.indexOf(each) !== index)
  if (twice !== undefined) throw new UsageError(`port ${twice} was given twice; name each once`)
  if (isIP(address) === 0) {
    throw new UsageError(
      `"${address}" is not an IP address; use the one that the server listens on`,
    )
  }
  if (!isOfThisMachine(address)) {
    throw new UsageError(
      `${address} is not an address of this machine; use a local one, since rebind checks local servers only`,
    )
  }
  assertFolderThere(cwd)
  return filled
}

/** All ports that the server has to listen on. */
export function checkedPorts({port, alsoPorts}: FilledOptions): number[] {
  return [port, ...alsoPorts]
}

/** @throws UsageError if the folder that a command is to be started in is none */
export function assertFolderThere(cwd: string): void {
  if (!isFolder(cwd)) {
    throw new UsageError(`the folder ${cwd} does not exist; name another one with --cwd`)
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    // Not there, not to be looked at, or no path at all, e.g. too long.
    return false
  }
}

function isOfThisMachine(address: string): boolean {
  if (/^127\./.test(address) || address === '::1') return true
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return own.some((each) => each.address === address)
}

/**
 * The command as it is started: without a shell, and with no more of our environment than it needs. Where the server
 * has no port, PORT is not set, and `{port}` stands for itself.
 */
export function commandToStart({command, port, env, cwd}: ToStart): CommandToStart {
  const [program = '', ...args] =
    port === null ? command : command.map((part) => part.replaceAll('{port}', String(port)))
  const inherited = Object.fromEntries(
    ['PATH', 'HOME'].flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
  return {
    command: program,
    args,
    env: {...inherited, ...(port === null ? {} : {PORT: String(port)}), ...env},
    cwd: resolve(cwd),
  }
}
