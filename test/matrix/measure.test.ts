import {addressesHere} from '../../harness/matrix/addresses.ts'
import {cellsOf} from '../../harness/matrix/cells.ts'
import {agreementOf, judged} from '../../harness/matrix/judge.ts'
import {measure} from '../../harness/matrix/measure.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import type {Rules} from '../../harness/platforms/platform.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {needs} from '../needs.ts'

const platform = detectPlatform()
const live = needs(nativeOpenerProblem())
const cells = cellsOf({addresses: ['127.0.0.1']})

async function observe(signal = new AbortController().signal, by = platform) {
  const settings = await by.readSettings()
  return measure({cells, platform: by, settings, available: addressesHere().available, signal})
}

live('a rule that is wrong is found out, and named in the cells that disagree', async (t) => {
  const observations = await observe()
  const wrong = {id: 'of-a-test', because: 'nothing was read', source: 'nowhere'}
  const rules = {bind: () => ({outcome: 'granted' as const, ...wrong})} as unknown as Rules
  const table = cells.map((cell, index) => judged(cell, observations[index], rules))
  const disagreeing = table.filter(({agrees}) => agrees === false)
  t.true(disagreeing.length > 0)
  for (const {observed, expected, rule} of disagreeing) {
    t.is(observed, 'EADDRINUSE')
    t.is(expected, 'granted')
    t.is(rule, wrong.id)
  }
  t.is(agreementOf(table).disagreeing, disagreeing.length)
  t.is(agreementOf(table).unknown, 0)
  t.true(table.every(({rule}) => rule === wrong.id))
})

live('without rules everything is observed and nothing judged', async (t) => {
  const observations = await observe()
  const table = cells.map((cell, index) => judged(cell, observations[index], null))
  t.true(table.every(({observed}) => observed === 'granted' || observed === 'EADDRINUSE'))
  t.deepEqual(agreementOf(table), {agreeing: 0, disagreeing: 0, unknown: cells.length})
})

live('an interrupted measurement ends with what it has', async (t) => {
  const controller = new AbortController()
  const observations = observe(controller.signal)
  controller.abort('SIGINT')
  t.true((await observations).length < cells.length)
})

live('what may have been gone before it was tried is no disagreement, but too slow', async (t) => {
  // As if the making of a batch took longer than its residues last.
  const release: Rules['release'] = () => ({
    ...{id: 'none', because: '', source: ''},
    ...{endsBy: 'kernel', residueSeconds: [0, 0]},
  })
  const rules = {...platform.rules, release} as Rules
  const observations = await observe(undefined, {...platform, rules})
  for (const [index, {residue}] of cells.entries()) {
    const observation = observations[index]
    const reason = observation !== undefined && 'reason' in observation ? observation.reason : ''
    const ends = residue.endsWith('TIME_WAIT') || residue === 'FIN_WAIT2'
    t.is(reason.startsWith('too slow here: '), ends, `${residue} ${reason}`)
  }
})
