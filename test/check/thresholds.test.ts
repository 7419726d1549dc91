import {judgeThresholds} from '../../harness/check/thresholds.ts'
import {test} from '../declare.ts'

const measured = {maxOutageSeconds: 0.2, maxLost: 0, maxWaitSeconds: null}

test('a limit is kept up to itself, and what was not measured keeps none', (t) => {
  const limits = {maxOutageSeconds: 0.2, maxLost: 0, maxWaitSeconds: 1}
  t.deepEqual(
    judgeThresholds(limits, measured).map(({name, met}) => [name, met]),
    [
      ['max-outage', true],
      ['max-lost', true],
      ['max-wait', false],
    ],
  )
  const [exceeded] = judgeThresholds({maxOutageSeconds: 0.19}, measured)
  t.deepEqual(exceeded, {name: 'max-outage', limit: 0.19, measured: 0.2, met: false})
})

test('a limit that was not given is not judged', (t) => {
  t.deepEqual(judgeThresholds({}, measured), [])
})
