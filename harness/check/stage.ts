import type {CheckDocument, CheckProblem} from '../documents/check-schema.ts'
import {describeHost} from '../documents/host.ts'
import {detectPlatform} from '../platforms/detect.ts'
import {compileActor} from '../processes/compile.ts'
import {isOutOfFiles} from '../sockets/system-error.ts'
import type {CheckContext, CheckListeners} from './context.ts'
import {
  blindnessOf,
  CouldNotMeasure,
  notPermittedProblem,
  outOfFilesProblem,
} from './could-not-measure.ts'
import type {FilledOptions} from './options.ts'
import {viewPort} from './port-view.ts'
import {assertNobodyListens} from './problems.ts'
import {openServerHost} from './server.ts'

export interface StageOptions {
  options: FilledOptions
  listeners: CheckListeners
  signal: AbortSignal
  /** The server runs already. */
  attaches?: boolean
  /** Opens a listening socket that the command is given. The caller of `onStage` closes it. */
  listen?(): number
  /** What a document says before anything was measured. */
  unmeasured: Pick<CheckDocument, 'reuseaddr'>
  /** With what to do, once all else is in it. */
  advised(document: CheckDocument): CheckDocument
}

/**
 * Prepares what every check needs, has it played, and undoes it.
 * @param play gives the document; what it throws as CouldNotMeasure becomes one
 * @throws UsageError for a port that is taken, or that nobody listens on
 */
export async function onStage(
  {options, listeners, signal, attaches = false, listen, unmeasured, advised}: StageOptions,
  play: (context: CheckContext, blank: CheckDocument) => Promise<CheckDocument>,
): Promise<CheckDocument> {
  const {address, port, command, stop} = options
  const platform = detectPlatform()
  const settings = await platform.readSettings()
  const blank: CheckDocument = {
    ...{format: 'rebind-check', version: 1, host: describeHost(platform, settings)},
    ...{command: attaches ? [] : [...command], port, address, stop},
    ...{safe: false, runtime: null, ...unmeasured, rounds: [], advice: []},
  }
  const withProblem = (document: CheckDocument, problem: CheckProblem) =>
    advised({...document, safe: false, problem})
  const blindness = await blindnessOf(platform, port)
  if (blindness !== undefined) return withProblem(blank, blindness)
  const look = async () =>
    viewPort((await platform.readSockets?.({ports: [port], listeners: true})) ?? [], address, port)
  const before = attaches ? [] : await assertNobodyListens(options, platform, look)
  const program = await compileActor()
  try {
    const host = await openServerHost(
      program,
      (output) => listeners.onOutput?.(output),
      (pid) => listeners.onSilent?.(pid),
      listen === undefined ? {} : {inherits: listen()},
    )
    const usedPorts = new Set<number>()
    const shared = {options, platform, settings, look, host, before, usedPorts, signal}
    const context = {...listeners, ...shared}
    let left: readonly number[] = []
    const document = await play(context, blank)
      .catch((error: unknown) => withProblem(blank, problemOf(error, signal)))
      .finally(async () => {
        left = await host.close()
      })
    if (left.length === 0 || document.problem !== undefined) return advised(document)
    return withProblem(document, notPermittedProblem(context, left, 'SIGKILL'))
  } finally {
    await program.dispose()
  }
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
