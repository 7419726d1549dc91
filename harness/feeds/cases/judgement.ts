import type {Finding, Judgement} from '../../documents/comparison-schema.ts'
import {counted} from '../../documents/words.ts'
import type {TestCase} from './test-case.ts'

/** A case per difference, one per thing that could not be compared, and one for all the rest. */
export function casesOfJudgement(judgement: Judgement): TestCase[] {
  const {differences, notCompared, scenarios, cells} = judgement
  const group = 'baseline'
  const found =
    (status: TestCase['status']) =>
    ({subject, text}: Finding): TestCase => ({
      ...{name: subject, group, status, reason: text, seconds: 0},
      seen: {difference: text},
    })
  return [
    {
      ...{name: 'everything else', group, status: 'as-expected', reason: '', seconds: 0},
      seen: {compared: `${counted(scenarios, 'scenario')}, ${counted(cells, 'cell')}`},
    },
    ...differences.map(found('unexpected')),
    ...notCompared.map(found('failed')),
  ]
}
