import {tmpdir} from 'node:os'
import {anybodyMayEnter} from '../../harness/survey/programs.ts'
import {type SurveyServer, surveyServers} from '../../harness/survey/servers.ts'
import {missingPrograms} from '../../harness/survey/stage.ts'
import {serversRunAs} from '../../harness/survey/user.ts'

const runAs = serversRunAs()

/** Who the servers of the survey run as here; null if as this process's user. */
export const serverUser = 'user' in runAs ? runAs.user : null

/** Why this server cannot be started here; undefined if it can be. */
export function serverProblem(server: SurveyServer): string | undefined {
  const [missing] = missingPrograms(server, serverUser)
  if (missing !== undefined) return `there is no ${missing} here`
  if ('problem' in runAs) return runAs.problem
  const isClosed = serverUser !== null && !anybodyMayEnter(tmpdir())
  return isClosed ? `only its owner may enter ${tmpdir()}` : undefined
}

export function problemOf(id: string): string | undefined {
  const server = surveyServers.find((candidate) => candidate.id === id)
  if (server === undefined) throw new Error(`the table has no ${id}`)
  return serverProblem(server)
}
