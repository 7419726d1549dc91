import {expandArms, scenario} from '../harness/scenario.ts'
import {test} from './declare.ts'

const plain = scenario({
  title: 'One thing',
  claim: 'It is so.',
  predecessor: {bind: 'none'},
  successor: {bind: 'none'},
  script: async () => undefined,
  residue: {server: 'TIME_WAIT'},
})

test('a scenario without arms keeps its id', (t) => {
  t.deepEqual(expandArms({plain}), {plain})
})

test('an arm is the scenario with what it says otherwise, under its own id', (t) => {
  const arms = {same: {}, other: {successor: {bind: 'both'}}} as const
  const expanded = expandArms({plain: scenario({...plain, arms})})
  t.deepEqual(Object.keys(expanded), ['plain/same', 'plain/other'])
  t.deepEqual(expanded['plain/same'], plain)
  t.deepEqual(expanded['plain/other'], {...plain, successor: {bind: 'both'}})
})
