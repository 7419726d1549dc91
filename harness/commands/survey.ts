import {join} from 'node:path'
import leven from 'leven'
import {openServerLog} from '../check/server-log.ts'
import {monotonicSeconds} from '../clock.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {detectPlatform} from '../platforms/detect.ts'
import {openEventLog} from '../reports/events.ts'
import {describeHost} from '../reports/host.ts'
import {jsonText} from '../reports/json-text.ts'
import {makeRunFolder, writeDocument} from '../reports/run-folder.ts'
import {renderSurvey} from '../reports/survey-renderings.ts'
import {type Survey, surveySchema} from '../reports/survey-schema.ts'
import {printable} from '../reports/words.ts'
import {columnsOf} from '../reports/wrap.ts'
import {type SurveyServer, surveyServers} from '../survey/servers.ts'
import {runSurvey} from '../survey/survey.ts'
import {listenForInterruption} from './interruption.ts'

export interface SurveyCommandOptions {
  only?: string
  limit: number
  out: string
  json?: boolean
}

/** `rebind survey`: checks the restart of common servers that are installed here, all at the same time. */
export async function survey({only, limit, out, json}: SurveyCommandOptions): Promise<number> {
  const servers = chosen(only)
  const startedAt = new Date()
  const origin = monotonicSeconds()
  const folder = await makeRunFolder(out, startedAt)
  const events = openEventLog(folder.events, folder.id, origin)
  const logs = new Map(
    servers.map(({id}) => [id, openServerLog(join(folder.path, `${id}.log`))] as const),
  )
  const interruption = listenForInterruption()
  events.write('run-start', {at: origin, startedAt: startedAt.toISOString()})
  try {
    const results = await runSurvey({
      servers,
      limitSeconds: limit,
      signal: interruption.signal,
      listeners: ({id}) => ({
        onEvent: (event, fields) => events.write(event, {...fields, scenario: id}),
        onOutput: (output) => logs.get(id)?.add(output),
        onSilent: (pid) => logs.get(id)?.end(pid),
        onWaiting: (_, what) => process.stderr.write(`  ${id}: ${printable(what)}, waiting\n`),
      }),
      onResult: ({id, status, reason, check}) => {
        const verdict = check?.rounds.at(-1)?.verdict
        const what = status === 'measured' ? verdict : `${status}: ${reason}`
        process.stderr.write(`${id}: ${printable(what ?? status)}\n`)
      },
    })
    const platform = detectPlatform()
    const document: Survey = surveySchema.parse({
      format: 'rebind-survey',
      version: 1,
      host: describeHost(platform, await platform.readSettings()),
      servers: results,
      wallSeconds: monotonicSeconds() - origin,
      ...(interruption.signal.aborted ? {interrupted: String(interruption.signal.reason)} : {}),
    })
    process.stdout.write(
      json === true ? `${jsonText(document)}\n` : renderSurvey(document, columnsOf(process.stdout)),
    )
    await writeDocument(folder, document)
    process.stderr.write(`Logs and report: ${printable(folder.path)}\n`)
    const failed = results.some(({status}) => status === 'failed')
    return interruption.exitStatus() ?? (failed ? exitStatus.failed : exitStatus.asExpected)
  } finally {
    events.write('run-end', {at: monotonicSeconds()})
    events.close()
    await Promise.all([...logs.values()].map((log) => log.close()))
    interruption.dispose()
  }
}

/**
 * A name stands for the server of that id and for all whose id begins with it and a dash.
 * @throws UsageError for a name that fits none
 */
function chosen(only: string | undefined): readonly SurveyServer[] {
  if (only === undefined) return surveyServers
  const names = only.split(',').map((name) => name.trim())
  const fits = (name: string) =>
    surveyServers.filter(({id}) => id === name || id.startsWith(`${name}-`))
  const unknown = names.find((name) => fits(name).length === 0)
  if (unknown !== undefined) {
    const ids = surveyServers.map(({id}) => id)
    const nearest = [...ids].sort((a, b) => leven(a, unknown) - leven(b, unknown))[0]
    throw new UsageError(
      `unknown server "${unknown}"; the nearest is ${nearest}; all: ${ids.join(', ')}`,
    )
  }
  const wanted = new Set(names.flatMap(fits))
  return surveyServers.filter((server) => wanted.has(server))
}
