import {join} from 'node:path'
import {openServerLog} from '../check/server-log.ts'
import type {CheckDocument} from '../documents/check-schema.ts'
import {type Survey, surveySchema} from '../documents/survey-schema.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {namesNear} from '../near.ts'
import {type SurveyServer, surveyServers} from '../survey/servers.ts'
import {runSurvey} from '../survey/survey.ts'
import {surveyWatchers} from '../survey/watchers.ts'
import {printable} from '../text.ts'
import {safetyWords} from '../views/check.ts'
import {type OutputOptions, openOutputs} from './outputs.ts'
import {inSession} from './session.ts'

export interface SurveyCommandOptions extends OutputOptions {
  only?: string
  watchers?: boolean
  withNpm?: boolean
  limit: number
  out: string
  quiet?: boolean
}

/** `rebind survey`: checks the restart of common servers that are installed here, all at the same time. */
export async function survey(options: SurveyCommandOptions): Promise<number> {
  const {only, limit, out, quiet, watchers = false, withNpm = false} = options
  if (withNpm && !watchers) throw new UsageError('--with-npm is for --watchers; give both')
  const servers = chosen(watchers ? surveyWatchers : surveyServers, only)
  const outputs = await openOutputs(options)
  return inSession({out, outputs, quiet}, async (session) => {
    const {log, folder, interruption, ended, host, interrupted, tell} = session
    const logs = new Map(
      servers.map(({id}) => [id, openServerLog(join(folder.path, `${id}.log`))] as const),
    )
    const results = await runSurvey({
      servers,
      ...{limitSeconds: limit, withNpm},
      signal: interruption,
      listeners: ({id}) => ({
        onEvent: (event, fields) => log.write(event, {...fields, scenario: id}),
        onOutput: (output) => logs.get(id)?.add(output),
        onSilent: (pid) => logs.get(id)?.end(pid),
        onWaiting: (_, what) => tell(`  ${id}: ${printable(what)}, waiting`),
      }),
      onResult: ({id, status, reason, check}) => {
        const verdict = check === null ? undefined : resultWords(check)
        const what = status === 'measured' ? verdict : `${status}: ${reason}`
        tell(`${id}: ${printable(what ?? status)}`)
      },
    }).finally(() => Promise.all([...logs.values()].map((each) => each.close())))
    const document: Survey = surveySchema.parse({
      format: 'rebind-survey',
      version: 1,
      host,
      servers: results,
      wallSeconds: ended(),
      ...interrupted(),
    })
    const failed = results.some(({status}) => status === 'failed')
    return {
      documents: [document],
      status: failed ? exitStatus.failed : exitStatus.asExpected,
    }
  })
}

/**
 * A name stands for the server of that id and for all whose id begins with it and a dash.
 * @throws UsageError for a name that fits none
 */
function chosen(servers: readonly SurveyServer[], only?: string): readonly SurveyServer[] {
  if (only === undefined) return servers
  const names = only.split(',').map((name) => name.trim())
  const fits = (name: string) => servers.filter(({id}) => id === name || id.startsWith(`${name}-`))
  const unknown = names.find((name) => fits(name).length === 0)
  if (unknown !== undefined) {
    const ids = servers.map(({id}) => id)
    const [near] = namesNear(unknown, ids)
    const proposed = near === undefined ? '' : `the closest is ${near}; `
    throw new UsageError(`unknown server "${unknown}"; ${proposed}all: ${ids.join(', ')}`)
  }
  const wanted = new Set(names.flatMap(fits))
  return servers.filter((server) => wanted.has(server))
}

function resultWords(check: CheckDocument): string | undefined {
  return check.trigger === undefined ? check.rounds.at(-1)?.verdict : safetyWords(check)
}
