import type {Policies, PolicyRow} from '../documents/policies-schema.ts'
import {hostWords} from '../documents/words.ts'
import type {Cell, View} from '../render/model.ts'

/** What restart policies make of the wait: one table, what it rests on, and what each needs to be read rightly. */
export function policiesView(document: Policies): View {
  const notes = document.policies.flatMap(({title, note}) =>
    note === undefined ? [] : [[{strong: title}, `: ${note}`]],
  )
  return {
    heading: 'What restart policies make of the wait',
    lead: hostWords(document.host),
    blocks: [
      {
        kind: 'table',
        label: 'Restart policies',
        columns: [...titles, {title: 'source', aside: true}],
        rows: document.policies.map(policyCells),
      },
      {
        ...{kind: 'section', title: 'What it rests on'},
        blocks: [{kind: 'list', items: premises(document)}],
      },
      {...{kind: 'section', title: 'Notes'}, blocks: [{kind: 'list', items: notes}]},
    ],
    file: 'policies.json',
  }
}

const titles = ['policy', 'attempts', 'outage', 'overshoot', 'how']

/** What the table rests on, one thing a line. */
function premises({release, attempt}: Policies): string[] {
  const milliseconds = (seconds: number) => `${Math.round(seconds * 1000)} ms`
  return [
    `release of TIME_WAIT: ${rangeWords(release.medianSeconds, [release.minSeconds, release.maxSeconds])} after the old server's end, over ${release.ports} port${release.ports === 1 ? '' : 's'} (${release.measuredNow ? 'measured now' : 'recorded in'} ${release.file})`,
    `an attempt that is a process: bind after ${milliseconds(attempt.untilBindSeconds)}, failed after ${milliseconds(attempt.untilEndSeconds)} (a Node server, measured now)`,
  ]
}

/** One row of the table. */
function policyCells({title, attempts, how, source, ...row}: PolicyRow): Cell[] {
  const {outageSeconds, outageRangeSeconds, overshootSeconds, overshootRangeSeconds} = row
  const {givesUpAfterSeconds, gaveUp, of} = row
  const givesUp =
    givesUpAfterSeconds === null
      ? ''
      : `gives up after ${secondsWords(givesUpAfterSeconds)}${gaveUp === of ? '' : ` in ${gaveUp} of ${of}`}`
  const overshoot = [rangeWords(overshootSeconds, overshootRangeSeconds), givesUp]
    .filter((words) => words !== '')
    .join('; ')
  return [
    title,
    String(attempts),
    rangeWords(outageSeconds, outageRangeSeconds) || 'for good',
    givesUpAfterSeconds === null ? overshoot : {tone: 'bad', text: overshoot},
    how,
    source,
  ]
}

/** `61.0 s`, or `63.0 s (62.1 to 64.0 s)` where it spreads; empty where there is nothing. */
function rangeWords(median: number | null, range: PolicyRow['outageRangeSeconds']): string {
  if (median === null || range === null) return ''
  const [least = '', greatest = ''] = range.map(secondsWords)
  return least === greatest
    ? secondsWords(median)
    : `${secondsWords(median)} (${least.replace(' s', '')} to ${greatest})`
}

function secondsWords(seconds: number): string {
  return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`
}
