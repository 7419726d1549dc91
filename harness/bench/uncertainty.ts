import {fileURLToPath} from 'node:url'
import {timingSchema} from '../documents/timing-schema.ts'
import {exitStatus} from '../errors.ts'
import {quantile} from '../timing/summary.ts'
import type {BenchRow} from './document.ts'
import {CannotMeasure, type PartOptions, type PartResult, rowOf} from './part.ts'
import {outputOf, rebind, toItsEnd} from './programs.ts'
import {spinOnAllCores} from './spinners.ts'

const ports = 200
const naivePorts = 100
/** Over how many seconds the closings are spread: more than a slot of the timer wheel. */
const spreadSeconds = 6
const targetSeconds = {idle: 0.002, busy: 0.01}

/** Part 3: how exactly the moment of a release is known, against a loop that tries once a second. */
export async function uncertainty(options: PartOptions): Promise<PartResult> {
  if (options.quick)
    throw new CannotMeasure('--quick leaves out what takes as long as the kernel keeps a port')
  options.tell(`${ports} ports until they come free, on an idle machine`)
  const idle = await measured('idle', options)
  options.tell('the same with every core busy')
  const spinners = await spinOnAllCores()
  try {
    const busy = await measured(`${spinners.count} cores busy`, options, targetSeconds.busy)
    return {
      how: `rebind timing on ${ports} ports closed over ${spreadSeconds} s, and at the same time ${naivePorts} other ports that are tried once a second with a new socket; then the same with ${spinners.count} busy processes beside it.`,
      rows: [...idle, ...busy],
    }
  } finally {
    await spinners.stop()
  }
}

async function measured(
  when: string,
  {signal, scratch}: PartOptions,
  atMost: number = targetSeconds.idle,
): Promise<BenchRow[]> {
  const measuring = [ownUncertainties(scratch, signal), naiveUncertainties(signal)] as const
  // So that neither is still running when the next part is measured.
  await Promise.allSettled(measuring)
  const [own, naive] = await Promise.all(measuring)
  const row = (name: string, share: number, target: BenchRow['target']) =>
    rowOf({
      what: `${name}, ${when}`,
      unit: 'seconds',
      ours: quantile(own, share),
      baseline: {what: 'once a second', value: quantile(naive, share)},
      target,
    })
  return [row('median', 0.5, {of: 'ours', atMost}), row('p99', 0.99, null)]
}

async function ownUncertainties(out: string, signal: AbortSignal): Promise<number[]> {
  // A release outside the platform's range has status 1, and was measured nevertheless.
  const {status, stdout, stderr} = await toItsEnd(
    [
      ...rebind,
      ...['timing', '--ports', `${ports}`, '--spread', `${spreadSeconds}`],
      ...['--json', '--out', out],
    ],
    {signal},
  )
  if (status > exitStatus.unexpected) {
    throw new CannotMeasure(
      `rebind timing ended with status ${status}: ${stderr.trim().split('\n').at(-1)}`,
    )
  }
  const {samples} = timingSchema.parse(JSON.parse(stdout))
  return samples.flatMap(({uncertaintySeconds}) => uncertaintySeconds ?? [])
}

async function naiveUncertainties(signal: AbortSignal): Promise<number[]> {
  const program = fileURLToPath(new URL('naive-program.ts', import.meta.url))
  const tsx = `--import=${import.meta.resolve('tsx')}`
  return JSON.parse(
    await outputOf([process.execPath, tsx, program, `${naivePorts}`, `${spreadSeconds}`], {signal}),
  )
}
