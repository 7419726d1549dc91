import {detectPlatform} from '../platforms/detect.ts'
import type {Platform} from '../platforms/platform.ts'
import type {SocketTableReader} from '../platforms/socket-table.ts'
import {compileActor} from '../processes/compile.ts'
import type {CheckDocument, CheckProblem, CheckRound} from '../reports/check-schema.ts'
import {describeHost} from '../reports/host.ts'
import {adviceFor} from './advice.ts'
import {asOpenConnection} from './connections.ts'
import type {CheckContext, CheckListeners, RunningServer} from './context.ts'
import {recogniseRuntime} from './fixes.ts'
import {inferReuseaddr} from './inference.ts'
import {awaitListening} from './listening.ts'
import {type CheckOptions, commandToStart, fillOptions} from './options.ts'
import {viewPort} from './port-view.ts'
import {assertNobodyListens, startProblem} from './problems.ts'
import {playRound, proberFor} from './round.ts'
import {openServerHost} from './server.ts'

const lookEveryMilliseconds = 10
/** An admin port, or a slow second listener, is no reason to give a starting server up. */
const elsewhereSeconds = 5

/**
 * Starts a server, restarts it under open connections, and says what became of its port.
 * @param signal ends the check early, with the reason's name in the document's `problem`
 * @returns the document that `rebind check --json` prints; its `problem` tells why it could not be measured
 * @throws UsageError for options that cannot be, a command that cannot be started, a port that is taken
 */
export async function checkRestart(
  options: CheckOptions,
  listeners: CheckListeners = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<CheckDocument> {
  const filled = fillOptions(options)
  const {address, port, command, stop} = filled
  const platform = detectPlatform()
  const settings = await platform.readSettings()
  const read = await workingReader(platform)
  const look =
    read === null
      ? null
      : async () => viewPort(await read({ports: [port], listeners: true}), address, port)
  const before = await assertNobodyListens(filled, platform, look)
  const blank: CheckDocument = {
    format: 'rebind-check',
    version: 1,
    host: describeHost(platform, settings),
    command: [...command],
    port,
    address,
    stop,
    safe: false,
    runtime: null,
    reuseaddr: {set: null, because: 'nothing was measured'},
    rounds: [],
    advice: [],
  }
  const program = await compileActor()
  try {
    const host = await openServerHost(program, (output) => listeners.onOutput?.(output))
    try {
      const usedPorts = new Set<number>()
      const shared = {options: filled, platform, settings, look, host, before, usedPorts, signal}
      return await play({...listeners, ...shared}, blank)
    } finally {
      await host.close()
    }
  } finally {
    await program.dispose()
  }
}

async function play(context: CheckContext, blank: CheckDocument): Promise<CheckDocument> {
  const {options, platform, signal} = context
  const rounds: CheckRound[] = []
  const commands = [options.command.join(' ')]
  let problem: CheckProblem | undefined
  let server: RunningServer | undefined
  try {
    const first = await startFirst(context)
    if ('problem' in first) problem = first.problem
    else server = first.running
    // What listens tells more than what was called: `npm start` is a Node server.
    commands.unshift(...(server?.holders.map(({command}) => command) ?? []))
    while (server !== undefined && rounds.length < options.rounds) {
      const played = await playRound(context, rounds.length + 1, server)
      if ('problem' in played) {
        problem = played.problem
        break
      }
      rounds.push(played.round)
      server = played.successor
    }
    server?.waiting?.client.socket.resetAndDestroy()
  } catch (error) {
    if (!signal.aborted) throw error
    const message = `interrupted by ${signal.reason}`
    problem = {kind: 'interrupted', message, remedy: 'run it again, perhaps with a smaller --limit'}
  }
  const allImmediate = rounds.every(({verdict}) => verdict === 'immediate')
  const document: CheckDocument = {
    ...blank,
    safe: problem === undefined && rounds.length === options.rounds && allImmediate,
    ...(problem === undefined ? {} : {problem}),
    runtime: recogniseRuntime(commands)?.name ?? null,
    reuseaddr: inferReuseaddr(rounds, platform, options.address),
    rounds,
  }
  return {...document, advice: adviceFor(document, platform)}
}

/** Starts the command for the first time. Nothing connects to it before it listens, where that shows. */
async function startFirst(
  context: CheckContext,
): Promise<{running: RunningServer} | {problem: CheckProblem}> {
  const {options, host, platform, look, before, signal} = context
  const {address, port} = options
  const left = look === null ? [] : (await look()).connections
  for (const {entry} of left) context.usedPorts.add(entry.remote.port)
  signal.throwIfAborted()
  const start = await host.start(commandToStart(options))
  const {pid, startedAt} = start
  context.onEvent?.('process', {at: startedAt, role: 'predecessor', pid, change: 'started'})
  const prober = look === null ? proberFor(context) : undefined
  prober?.resume()
  try {
    const outcome = await awaitListening({
      server: start,
      platform,
      address,
      port,
      look,
      processes: host.processes,
      old: new Set(),
      before,
      prober,
      deadline: startedAt + options.startTimeoutSeconds,
      elsewhereSeconds,
      lookEveryMilliseconds,
      signal,
    })
    if (outcome.kind !== 'listening') {
      if (outcome.kind === 'exited') await start.silent
      return {problem: startProblem(outcome, start, options, left)}
    }
    const had = prober?.connection()
    for (const used of prober?.ports ?? []) context.usedPorts.add(used)
    const startupSeconds = Math.max(0, outcome.at - startedAt)
    const waiting = had === undefined ? undefined : asOpenConnection(had.client)
    return {running: {start, startupSeconds, holders: outcome.holders, waiting}}
  } finally {
    prober?.pause()
  }
}

/** The platform's socket table, or null where there is none or reading it fails. */
async function workingReader({readSockets}: Platform): Promise<SocketTableReader | null> {
  return (
    (await readSockets?.().then(
      () => readSockets,
      () => null,
    )) ?? null
  )
}
