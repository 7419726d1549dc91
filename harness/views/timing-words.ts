import type {Timing} from '../documents/timing-schema.ts'
import {greatestOf, leastOf} from '../extremes.ts'

/** `60.013 s`, or a dash where there is nothing to tell. */
function secondsWords(seconds: number | null): string {
  return seconds === null ? '-' : `${seconds.toFixed(3)} s`
}

/** `0.42 ms`, or a dash. */
function millisecondsWords(seconds: number | null): string {
  return seconds === null ? '-' : `${(seconds * 1000).toFixed(2)} ms`
}

/** What a timing run measured, as labels and values; every rendering shows these. */
export function timingRows({summary, slots, run}: Timing): [label: string, value: string][] {
  const {uncertainty} = summary
  const waits = [
    `min ${secondsWords(summary.minSeconds)}`,
    `median ${secondsWords(summary.medianSeconds)}`,
    `p95 ${secondsWords(summary.p95Seconds)}`,
    `max ${secondsWords(summary.maxSeconds)}`,
  ]
  const share = (run.cpuSeconds / run.wallSeconds) * 100
  return [
    [
      'ports',
      `${summary.released} of ${summary.ports} ports released, ${summary.attempts} attempts`,
    ],
    ['wait', waits.join(', ')],
    [
      'uncertainty',
      `median ${millisecondsWords(uncertainty.medianSeconds)}, p95 ${millisecondsWords(uncertainty.p95Seconds)}, worst ${millisecondsWords(uncertainty.maxSeconds)}`,
    ],
    ['expected', expectedWords(summary)],
    [
      "kernel's timer",
      summary.kernelTimerSeconds === null
        ? 'not shown by this OS'
        : `${summary.kernelTimerSeconds.toFixed(2)} s by its own socket table`,
    ],
    ['released', slots.releases.length === 0 ? '-' : releaseWords(slots)],
    ['slot width', slots.releases.length === 0 ? '-' : slotWords(slots)],
    ['tick rate', slots.releases.length === 0 ? '-' : tickRateWords(slots)],
    ['CPU', `${run.cpuSeconds.toFixed(1)} s, ${share.toFixed(0)} % of one core`],
  ]
}

function expectedWords({expectedSeconds, source, unexpected, released}: Timing['summary']): string {
  if (expectedSeconds === null) return 'not judged: this OS has no rules here'
  const [min, max] = expectedSeconds.map((seconds) => Number(seconds.toFixed(3)))
  const verdict =
    unexpected > 0 ? `${unexpected} OUTSIDE` : released > 0 ? 'all inside' : 'none to judge'
  return `${min} to ${max} s (${source}): ${verdict}`
}

function releaseWords({releases}: Timing['slots']): string {
  const least = leastOf(releases.map(({ports}) => ports))
  const most = greatestOf(releases.map(({ports}) => ports))
  const together = least === most ? `${most}` : `${least} to ${most}`
  return `at ${releases.length} instant${releases.length > 1 ? 's' : ''}, ${together} ports at each`
}

function slotWords({widthSeconds, releases}: Timing['slots']): string {
  if (widthSeconds !== null) return secondsWords(widthSeconds)
  if (releases.length === 1) return 'not told by one instant: spread the closings (--spread)'
  return 'no slots seen'
}

function tickRateWords({inferredHz, widthSeconds}: Timing['slots']): string {
  if (inferredHz !== null) return `HZ=${inferredHz} explains the slot width`
  return widthSeconds === null ? 'not to be inferred' : 'none of the usual ones explains it'
}
