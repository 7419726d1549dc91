import {UsageError} from '../errors.ts'
import {type CheckOptions, type FilledOptions, fillOptions} from './options.ts'

/** How a server is made to restart while clients come, and what they ask. */
export interface ReloadOptions
  extends Omit<CheckOptions, 'rounds' | 'connections' | 'hold' | 'command'> {
  /** The server and its arguments; absent for one that runs already, which is found by its port. */
  command?: readonly string[]
  /**
   * Commands that are run one after the other, without a shell, each as its words; `{port}` and `{pid}` stand for
   * the port and the pid of the command. Without any, whatever restarts the server is waited for.
   */
  triggers?: readonly (readonly string[])[]
  /** The environment of the triggers; this process's own without NODE_OPTIONS by default. */
  triggerEnv?: Readonly<Record<string, string>>
  /** How long the server may take to change after the trigger; 10 by default. */
  triggerTimeoutSeconds?: number
  /** New connections a second; 100 by default. */
  rate?: number
  /** Connections that stand open meanwhile; 0 by default. */
  idle?: number
  /** Connections on which one request follows another; 0 by default. */
  inFlight?: number
  /** The path of GET requests; without it `send` is sent, or the server is expected to greet. */
  http?: string
}

type OwnOptions = Required<
  Pick<ReloadOptions, 'triggers' | 'triggerTimeoutSeconds' | 'rate' | 'idle' | 'inFlight'>
> &
  Pick<ReloadOptions, 'http' | 'triggerEnv'> & {attaches: boolean}
export type FilledReloadOptions = FilledOptions & OwnOptions

/** Fills in the defaults. @throws UsageError for what cannot be */
export function fillReloadOptions(options: ReloadOptions): FilledReloadOptions {
  const {command, triggers = [], http} = options
  const attaches = command === undefined
  if (http !== undefined && !http.startsWith('/')) {
    throw new UsageError(`"${http}" is not a path; it begins with /, as in --http /health`)
  }
  if (http !== undefined && options.send !== undefined && options.send.length > 0) {
    throw new UsageError('--http and --send exclude each other; give one of them')
  }
  if (!attaches && triggers.length === 0) {
    throw new UsageError('no trigger given; say what makes the server restart with --trigger')
  }
  return {
    // Whoever attaches starts no command.
    ...fillOptions({...options, command: command ?? ['-']}),
    triggers,
    triggerTimeoutSeconds: options.triggerTimeoutSeconds ?? 10,
    rate: options.rate ?? 100,
    idle: options.idle ?? 0,
    inFlight: options.inFlight ?? 0,
    ...(http === undefined ? {} : {http}),
    attaches,
  }
}
