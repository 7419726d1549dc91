import {kernelOf} from '../documents/host.ts'
import type {Host, Result} from '../documents/report-schema.ts'
import {platformOf} from '../platforms/detect.ts'
import {bugBehind} from '../platforms/known-bugs.ts'
import type {RuleAnswer} from '../platforms/platform.ts'
import {bindQuestions, ruleOf} from './bind-questions.ts'

/** The known bug of the host's kernel by which a port was granted at once that should have been refused. */
export function bugOfResult(
  {status, expected, bind, repeats = [], ...servers}: Result,
  host: Host,
): RuleAnswer | undefined {
  const binds = [bind, ...repeats.map((repetition) => repetition.bind)]
  const grantedAtOnce = binds.some((each) => each?.verdict === 'immediate')
  if (status !== 'unexpected' || expected?.code === undefined || !grantedAtOnce) return undefined
  const {rules} = platformOf(host.stack)
  for (const question of bindQuestions({expected, ...servers})) {
    const bug = ruleOf(() => bugBehind(rules, kernelOf(host), question, 'granted'))
    if (bug !== undefined) return bug
  }
  return undefined
}

/** The result with the bug that explains it, if one does. It stays unexpected. */
export function withKnownBug(result: Result, host: Host): Result {
  const bug = bugOfResult(result, host)
  if (bug === undefined) return result
  const reason = [...(result.reason === undefined ? [] : [result.reason]), bug.because].join('; ')
  return {...result, bug: bug.id, reason}
}
