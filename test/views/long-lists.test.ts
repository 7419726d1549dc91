import type {TimelineEntry} from '../../harness/documents/report-schema.ts'
import type {Timing} from '../../harness/documents/timing-schema.ts'
import {greatestOf, leastOf} from '../../harness/extremes.ts'
import {tableWidth} from '../../harness/render/fitted-table.ts'
import {histogram} from '../../harness/timing/histogram.ts'
import {inferSlots} from '../../harness/timing/slots.ts'
import {rowOf} from '../../harness/views/html/timeline.ts'
import {timingRows} from '../../harness/views/timing.ts'
import {test} from '../declare.ts'
import {realDocuments, recordedReport} from '../documents/documents.ts'

/** More than fit on the stack as arguments of a call. */
const many = 200_000

test('of nothing the extremes are what they are told to be', (t) => {
  t.is(leastOf([3, 1, 2]), 1)
  t.is(greatestOf([3, 1, 2]), 3)
  t.is(leastOf([], 0), 0)
  t.is(greatestOf([-1], 0), 0)
})

test('a timeline of any length has a row in the chart', (t) => {
  const [result] = recordedReport().results
  if (result === undefined) return t.fail()
  const timeline = Array.from(
    {length: many},
    (_, index): TimelineEntry => ({
      ...{seconds: index, endpoint: 'server', socket: 'connection', state: 'TIME_WAIT'},
      connection: 1,
    }),
  )
  const {states} = rowOf({...result, bind: null, timeline}, null)
  t.deepEqual(states, [{socket: 'connection', state: 'TIME_WAIT', from: 0, to: many - 1}])
})

test('any number of waits has a histogram, slots and words', async (t) => {
  const values = Array.from({length: many}, (_, index) => index / 1000)
  t.is(
    histogram(values, 10).reduce((sum, {count}) => sum + count, 0),
    many,
  )
  const ports = values.map((at) => ({
    ...{closedAtSeconds: 0, lastRefusedAtSeconds: at, grantedAtSeconds: at},
  }))
  t.true(inferSlots(ports, 60).releases.length > 0)
  const timing = (await realDocuments()).timing as Timing
  const releases = values.map((atSeconds) => ({atSeconds, ports: 1, closedWithinSeconds: 0}))
  const words = timingRows({...timing, slots: {...timing.slots, releases}}).flat()
  t.true(words.includes(`at ${many} instants, 1 ports at each`))
})

test('a table of any number of rows has a width', (t) => {
  t.is(tableWidth(Array(many).fill(['ab', 'c'])), 5)
})
