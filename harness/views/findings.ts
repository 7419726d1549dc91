import type {Result, ResultBind} from '../documents/report-schema.ts'
import {residueWords} from '../documents/words.ts'
import type {CommonAdvice, Scenario} from '../scenario.ts'

/** A piece of common advice that a run contradicts. */
export interface Contradiction {
  scenario: string
  /** What the advice promised. */
  kind: 'residue' | 'time' | 'verdict'
  /** The rule that explains it, if one does. */
  rule?: string | undefined
  text: string
}

/**
 * One sentence for each piece of common advice that this run's own measurements contradict. Advice that
 * they bear out, or that could not be put to the test, is passed over.
 */
export function findings(
  results: readonly Result[],
  scenarios: Readonly<Record<string, Scenario>>,
): Contradiction[] {
  return results.flatMap((result): Contradiction[] => {
    const advice = scenarios[result.scenario]?.advice
    if (advice === undefined || result.status === 'failed') return []
    const seen = contradictionSeen(advice, result)
    if (seen === undefined) return []
    // The bind rule explains a verdict, neither a residue nor a time, and no verdict that it did not foresee.
    const kind = kindOf(advice)
    const by = result.status === 'as-expected' && kind === 'verdict' ? result.expected : null
    const because = by === null ? '' : ` Why: ${by.because}.`
    const {scenario} = result
    const text = `"${advice.says}" Not here: ${seen} (${scenario}).${because}`
    return [{scenario, kind, ...(by?.rule === undefined ? {} : {rule: by.rule}), text}]
  })
}

/** The same as sentences, for people. */
export function findingSentences(...asked: Parameters<typeof findings>): string[] {
  return findings(...asked).map(({text}) => text)
}

function kindOf({predicts}: CommonAdvice): Contradiction['kind'] {
  if ('residue' in predicts) return 'residue'
  return 'withinSeconds' in predicts ? 'time' : 'verdict'
}

function contradictionSeen({predicts}: CommonAdvice, result: Result): string | undefined {
  const {bind, residue} = result
  if ('residue' in predicts) {
    const server = residue?.filter(({endpoint}) => endpoint === 'server')
    if (server === undefined || server.some(({state}) => state === predicts.residue))
      return undefined
    return `the residue was ${residueWords({residue: server})}`
  }
  if (bind === null) return undefined
  if ('withinSeconds' in predicts) {
    return (bind.residueSeconds ?? 0) <= predicts.withinSeconds ? undefined : refusedUntil(bind)
  }
  if (bind.verdict === predicts.verdict) return undefined
  if (bind.verdict === 'immediate') return 'the port was granted at once'
  return predicts.verdict === 'delayed' ? undefined : refusedUntil(bind)
}

function refusedUntil(bind: ResultBind): string {
  const code = bind.firstError?.code ?? 'an error'
  const times = bind.attempts - (bind.waitSeconds === null ? 0 : 1)
  const refused = `refused with ${code}${times > 1 ? ` ${times} times` : ''}`
  return bind.waitSeconds === null
    ? refused
    : `${refused}, and granted after ${bind.waitSeconds.toFixed(1)} s`
}
