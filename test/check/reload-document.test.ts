import {reloadAdvice} from '../../harness/check/reload-advice.ts'
import {judged} from '../../harness/check/reload-document.ts'
import type {CheckDocument} from '../../harness/documents/check-schema.ts'
import {safetyWords} from '../../harness/views/check.ts'
import {test} from '../declare.ts'
import {realDocuments} from '../documents/documents.ts'

type Trigger = NonNullable<CheckDocument['trigger']>

/** Nothing was lost, and a new server answered. */
async function lossless(trigger: Partial<Trigger>): Promise<CheckDocument> {
  const {reload} = await realDocuments()
  const document = reload as CheckDocument
  const gapless = {...document.trigger, withoutListenerSeconds: [0, 0], ...trigger} as Trigger
  const {traffic} = document
  if (traffic === undefined) throw new Error('it has no clients')
  const all = {...traffic.new, refused: 0, reset: 0}
  const own = {
    ...document,
    traffic: {...traffic, new: all},
    trigger: gapless,
    losses: [],
    lossless: true,
    thresholds: [],
  }
  const verdict = judged(own, true)
  return {...verdict, advice: reloadAdvice(verdict)}
}

test('a reload that lost nothing is safe', async (t) => {
  const document = await lossless({})
  t.true(document.safe, JSON.stringify(document))
  t.regex(document.advice.join(), /Nothing to do/)
})

test('it is not where nobody listened for a while, though no client happened to come', async (t) => {
  for (const [withoutListenerSeconds, words] of [
    [[0.016, 0.04], '16 to 40 ms'],
    // One look showed it.
    [[0, 0.03], '0 to 30 ms'],
  ] as const) {
    const document = await lossless({withoutListenerSeconds: [...withoutListenerSeconds]})
    t.false(document.safe)
    t.is(safetyWords(document).indexOf(`NOT SAFE: nobody listened for ${words}`), 0)
    t.regex(document.advice.join(), /listen before the old one stops/)
    t.notRegex(document.advice.join(), /Nothing to do/)
  }
})

test('nor where an old process listens on a socket of its own', async (t) => {
  const old = {pid: 12, startedAt: '12', command: 'node old.js'}
  const document = await lossless({oldListeners: [old]})
  t.false(document.safe)
  t.regex(safetyWords(document), /^NOT SAFE: the old server still listens, .* pid 12/)
  t.notRegex(document.advice.join(), /Nothing to do/)
})
