import {Writable} from 'node:stream'
import {stripVTControlCharacters} from 'node:util'
import {liveProgress} from '../../harness/feeds/progress.ts'
import {nothingYet} from '../../harness/restart/observation.ts'
import type {RestartProgress} from '../../harness/restart/restart.ts'
import {Timeline} from '../../harness/restart/timeline.ts'
import {test} from '../declare.ts'

/** A terminal of this size, and what is written to it. */
function terminal(columns: number, rows: number) {
  let written = ''
  const stream = new Writable({
    write(chunk, _, done) {
      written += String(chunk)
      done()
    },
  })
  Object.assign(stream, {columns, rows, isTTY: true})
  return {stream: stream as unknown as NodeJS.WriteStream, written: () => written}
}

/** What the clock reads: it stands still, so that no countdown goes on while a test writes it down. */
const now = 1_000

/** Waiting for a TIME_WAIT that is released in 2.05 s after `seconds` at the latest. */
function waiting(seconds: number | null): RestartProgress {
  const timeWait = {endpoint: 'server', state: 'TIME_WAIT'} as const
  const changed = {...timeWait, seconds: 0, socket: 'connection', connection: 1} as const
  return {
    expected: () => ({
      verdict: 'delayed',
      residue: 'TIME_WAIT',
      residueSeconds: [60, 62.05],
      because: '',
      source: '',
    }),
    observation: () => ({
      ...nothingYet,
      residue: [{...timeWait, count: 1}],
      timeline: Timeline.empty.add(changed).timeline,
      waitingSince: 0,
      ...(seconds === null ? {} : {releaseFrom: seconds}),
    }),
    origin: now,
  }
}

/** What is on the screen when a scenario has just ended. */
async function screen(
  columns: number,
  rows: number,
  running: Record<string, RestartProgress>,
): Promise<string[]> {
  const {stream, written} = terminal(columns, rows)
  const display = await liveProgress(stream, 9, () => now)
  for (const [id, progress] of Object.entries(running)) display.begin(id, progress)
  const ended = {status: 'as-expected', bind: null} as Parameters<typeof display.finish>[1]
  display.begin('ended', waiting(1))
  display.finish('ended', ended)
  const lines = stripVTControlCharacters(written()).split('\n').filter(Boolean)
  display.close()
  return lines
}

test('what comes free next is on top, then what nobody knows of, then what only starts', async (t) => {
  const starting = {...waiting(null), observation: () => nothingYet}
  const lines = await screen(100, 24, {
    starting,
    late: waiting(40),
    unknown: waiting(null),
    soon: waiting(10),
  })
  t.deepEqual(lines, [
    '✓ ended: nothing seen',
    '  soon      TIME_WAIT, free in 10 to 13 s',
    '  late      TIME_WAIT, free in 40 to 43 s',
    '  unknown   TIME_WAIT, trying',
    '  starting  starting',
    '1 of 9 done, 4 under way; 0 s so far, the known waits end within 43 s',
  ])
})

test('a small terminal shows those that come free next, and how many more there are', async (t) => {
  const many = Object.fromEntries(
    Array.from({length: 8}, (_, index) => [`wait-${index}`, waiting(40 - index)]),
  )
  const lines = await screen(30, 6, many)
  t.deepEqual(lines.slice(1), [
    '  wait-7  TIME_WAIT, free in ',
    '  wait-6  TIME_WAIT, free in ',
    '  wait-5  TIME_WAIT, free in ',
    '  and 5 more',
    '1 of 9 done, 8 under way; 0 s',
  ])
})
