import {nativeOpenerProblem} from '../sockets/libc.ts'
import type {CrowdRequest} from './crowd-program.ts'
import type {BenchRow, Crowd} from './document.ts'
import {inNamespace} from './namespace.ts'
import {CannotMeasure, type PartOptions, type PartResult, rowOf} from './part.ts'

/** How many TIME_WAIT sockets, and from how many client addresses. */
const full = {
  crowds: [
    {wanted: 0, clientAddresses: 1},
    {wanted: 100, clientAddresses: 1},
    {wanted: 1000, clientAddresses: 1},
    {wanted: 10_000, clientAddresses: 1},
    {wanted: 20_000, clientAddresses: 1},
    {wanted: 100_000, clientAddresses: 5},
  ],
  tries: 101,
  whys: 3,
}
const less = {crowds: full.crowds.filter(({wanted}) => wanted <= 1000), tries: 11, whys: 1}

/** Part 5: what a bind costs over a number of TIME_WAIT sockets, and what explaining it costs. */
export async function crowd({quick, signal, tell}: PartOptions): Promise<PartResult> {
  const problem = nativeOpenerProblem()
  if (problem !== undefined) throw new CannotMeasure(problem)
  const {crowds, tries, whys} = quick ? less : full
  const measured: Crowd[] = []
  for (const {wanted, clientAddresses} of crowds) {
    tell(`${wanted} TIME_WAIT sockets`)
    const request: CrowdRequest = {wanted, clientAddresses, tries, whys}
    measured.push(await crowdOf(request, signal))
  }
  const sizes = measured.map(({reached}) => reached.toLocaleString('en')).join(', ')
  return {
    how: `A server with both options, and ${sizes} TIME_WAIT sockets on its port (as counted in the socket table), in a private network namespace with a raised net.ipv4.tcp_max_tw_buckets; ${tries} binds per option and address, each on a new socket, and rebind why ${whys} times.`,
    rows: growth(measured),
    crowds: measured,
  }
}

/** One crowd, in a network namespace of its own. */
export function crowdOf(request: CrowdRequest, signal: AbortSignal): Promise<Crowd> {
  return inNamespace<Crowd>('crowd-program.ts', [JSON.stringify(request)], signal)
}

/** The largest crowd against the smallest one that refuses, or that has any socket, for what a restart meets. */
function growth(crowds: readonly Crowd[]): BenchRow[] {
  const [empty, few, most] = [crowds[0], crowds.find(({reached}) => reached > 0), crowds.at(-1)]
  if (empty === undefined || few === undefined || most === undefined) return []
  const binds = (['127.0.0.1', '0.0.0.0'] as const).flatMap((address) =>
    (['none', 'reuseaddr'] as const).map((bind) => {
      const of = ({binds}: Crowd) =>
        binds.find((each) => each.bind === bind && each.address === address)
      const baseline = of(bind === 'none' ? few : empty)
      const ours = of(most)
      return rowOf({
        what: `bind ${bind} of ${address}, ${ours?.outcome ?? 'not tried'}, over ${countOf(most)}`,
        unit: 'seconds',
        ours: ours?.medianSeconds ?? null,
        baseline: {
          what: `over ${countOf(bind === 'none' ? few : empty)}`,
          value: baseline?.medianSeconds ?? null,
        },
      })
    }),
  )
  return [
    ...binds,
    rowOf({
      what: `rebind why, over ${countOf(most)}`,
      unit: 'seconds',
      ours: most.why?.medianSeconds ?? null,
      baseline: {what: `over ${countOf(empty)}`, value: empty.why?.medianSeconds ?? null},
    }),
    rowOf({
      what: `memory of rebind why, over ${countOf(most)}`,
      unit: 'bytes',
      ours: most.why?.peakBytes ?? null,
      baseline: {what: `over ${countOf(empty)}`, value: empty.why?.peakBytes ?? null},
    }),
    rowOf({
      what: `memory of the kernel, for ${countOf(most)}`,
      unit: 'bytes',
      ours: most.kernelBytes,
      note:
        most.kernelBytes === null
          ? 'only root may read /proc/slabinfo, so the memory is not shown'
          : `the slab caches of its TIME_WAIT sockets and of the port's entries grew by this much${most.reached === 0 ? '' : `, ${Math.round(most.kernelBytes / most.reached)} bytes per socket`}`,
    }),
  ]
}

function countOf({reached}: Crowd): string {
  return reached.toLocaleString('en')
}
