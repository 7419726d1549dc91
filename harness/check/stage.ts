import type {CheckDocument, CheckProblem} from '../documents/check-schema.ts'
import {describeHost} from '../documents/host.ts'
import {detectPlatform} from '../platforms/detect.ts'
import {compileActor} from '../processes/compile.ts'
import {isOutOfFiles} from '../sockets/system-error.ts'
import type {CheckContext, CheckListeners} from './context.ts'
import {
  blindnessOf,
  CouldNotMeasure,
  notEndedProblem,
  notPermittedProblem,
  outOfFilesProblem,
} from './could-not-measure.ts'
import type {FilledOptions} from './options.ts'
import {viewPort} from './port-view.ts'
import {assertNobodyListens} from './problems.ts'
import {openServerHost, type ServerHost} from './server.ts'

export interface StageOptions {
  options: FilledOptions
  listeners: CheckListeners
  signal: AbortSignal
  /** The server runs already. */
  attaches?: boolean
  /** Opens a listening socket that the command is given. The caller of `onStage` closes it. */
  listen?(): number
  /** What a document says before anything was measured. */
  unmeasured: Pick<CheckDocument, 'reuseaddr'> & Partial<CheckDocument>
  /** With what to do, once all else is in it. */
  advised(document: CheckDocument): CheckDocument
}

/** The machine, and a document that says nothing yet. */
export interface Bare extends Pick<CheckContext, 'platform' | 'settings'> {
  blank: CheckDocument
}

/**
 * Prepares what every check of a port needs, has it played, and undoes it.
 * @param play gives the document; what it throws as CouldNotMeasure becomes one
 * @throws UsageError for a port that is taken, or that nobody listens on
 */
export async function onStage(
  stage: StageOptions,
  play: (context: CheckContext, blank: CheckDocument) => Promise<CheckDocument>,
): Promise<CheckDocument> {
  const {options, signal, attaches = false, listeners, advised} = stage
  const {address, port} = options
  const bare = await describeMachine(stage)
  const {platform, settings, blank} = bare
  const blindness = await blindnessOf(platform, port)
  if (blindness !== undefined) return advised({...blank, problem: blindness})
  const look = async () =>
    viewPort((await platform.readSockets?.({ports: [port], listeners: true})) ?? [], address, port)
  const before = attaches ? [] : await assertNobodyListens(options, platform, look)
  const shared = {options, platform, settings, look, before, usedPorts: new Set<number>(), signal}
  return withHost(stage, bare, (host) => play({...listeners, ...shared, host}, blank))
}

/** What was measured is nothing yet, of this command on this machine. */
export async function describeMachine({
  options: {address, port, alsoPorts, command, stop},
  attaches = false,
  unmeasured,
}: StageOptions): Promise<Bare> {
  const platform = detectPlatform()
  const settings = await platform.readSettings()
  const blank: CheckDocument = {
    ...{format: 'rebind-check', version: 1, host: describeHost(platform, settings)},
    ...{command: attaches ? [] : [...command], port, address, stop},
    ...(alsoPorts.length === 0 ? {} : {ports: [port, ...alsoPorts]}),
    ...{safe: false, runtime: null, ...unmeasured, rounds: [], advice: []},
  }
  return {platform, settings, blank}
}

/** Has a check played where its servers are started, and ends whatever is left of them; of triggers of the user's server, nothing. */
export async function withHost(
  {listeners, signal, attaches = false, listen, advised}: StageOptions,
  {blank}: Bare,
  play: (host: ServerHost) => Promise<CheckDocument>,
): Promise<CheckDocument> {
  const withProblem = (document: CheckDocument, problem: CheckProblem) =>
    advised({...document, safe: false, problem})
  const program = await compileActor()
  try {
    const host = await openServerHost(
      program,
      (output) => listeners.onOutput?.(output),
      (pid) => listeners.onSilent?.(pid),
      {leaves: attaches, ...(listen === undefined ? {} : {inherits: listen()})},
    )
    let left: Awaited<ReturnType<ServerHost['close']>> | undefined
    const document = await play(host)
      .catch((error: unknown) => withProblem(blank, problemOf(error, signal)))
      .finally(async () => {
        left = await host.close()
      })
    const {refused = [], late = []} = left ?? {}
    const isFree = refused.length === 0 || document.problem !== undefined
    return sayingWhoIsLeft(
      isFree
        ? advised(document)
        : withProblem(document, notPermittedProblem({host}, refused, 'SIGKILL')),
      {host, late},
    )
  } finally {
    await program.dispose()
  }
}

/** That a process ends late says nothing of what was measured before. */
export function sayingWhoIsLeft(
  document: CheckDocument,
  {host, late}: {host: Pick<ServerHost, 'commandOf'>; late: readonly number[]},
): CheckDocument {
  if (late.length === 0) return document
  const {message, remedy} = notEndedProblem({host}, late)
  return {...document, advice: [...document.advice, `${message}: ${remedy}.`]}
}

/** Why there is no verdict. @throws what is no such reason */
export function problemOf(error: unknown, signal: AbortSignal): CheckProblem {
  if (signal.aborted) {
    const message = `interrupted by ${signal.reason}`
    return {kind: 'interrupted', message, remedy: 'run it again, perhaps with a smaller --limit'}
  }
  if (error instanceof CouldNotMeasure) return error.problem
  if (isOutOfFiles(error)) return outOfFilesProblem(error)
  throw error
}
