import {openTally} from '../../harness/traffic/tally.ts'
import {test} from '../declare.ts'

test('of very many answers the latest are kept, and of losses the number of all', (t) => {
  const tally = openTally()
  const many = 250_000
  for (let at = 1; at <= many; at++) {
    tally.answered('new', {askedAt: at, at})
    tally.lost({lane: 'new', failure: 'reset', from: at, at, localPort: 0, reused: false})
  }
  t.is(tally.answers.at(-1)?.from, many)
  t.true(tally.answers.length < many)
  t.is(tally.lanes.new.answered, many)
  t.is(tally.lanes.new.reset, many)
  t.true(tally.losses.length < many)
})
