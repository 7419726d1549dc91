import {monotonicSeconds} from '../../harness/clock.ts'
import type {EventLog} from '../../harness/documents/event-log.ts'
import {type Result, resultSchema} from '../../harness/documents/report-schema.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {runSuite} from '../../harness/restart/suite.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {scenarios} from '../../scenarios/index.ts'
import {testUnless} from '../commands/cli.ts'
import {namespaceProblem} from '../namespaces/available.ts'

/**
 * When a process is killed: after so many steps; 0: as soon as it has started; LISTEN: when the predecessor
 * listens, and the client, who is to connect next, may be refused before anybody is told of that end.
 */
type Moment = number | 'LISTEN'

interface Plan {
  role: string
  after: Moment
}

interface Played {
  results: Map<string, Result>
  /** The pid that was killed in the play of that name; none where the role was not there at that step. */
  killed: Map<string, number>
}

/** Plays a scenario once for each plan, and once more under each other name, all in one run. */
async function play(
  id: string,
  plans: Plan[],
  {others = ['undisturbed'], limitSeconds = 1} = {},
): Promise<Played> {
  const scenario = scenarios[id]
  if (scenario === undefined) throw new Error(`there is no scenario ${id}`)
  const platform = detectPlatform()
  const byName = new Map(plans.map((plan) => [`${plan.role} after ${plan.after}`, plan]))
  const names = [...others, ...byName.keys()]
  const alive = new Map<string, number>()
  const killed = new Map<string, number>()
  const stepsDone = new Map<string, number>()
  const kill = (name: string, pid: number | undefined) => {
    if (pid === undefined) return
    killed.set(name, pid)
    process.kill(pid, 'SIGKILL')
  }
  const log: EventLog = {
    close: () => undefined,
    write(event, {scenario: name = '', role, pid, change, state}) {
      const plan = byName.get(name)
      if (event === 'process') {
        const key = `${name}: ${role}`
        if (change === 'ended') alive.delete(key)
        else alive.set(key, Number(pid))
        const isVictim = plan?.after === 0 && plan.role === role && change === 'started'
        if (isVictim && !killed.has(name)) kill(name, Number(pid))
      } else if (event === 'step') {
        const done = (stepsDone.get(name) ?? 0) + 1
        stepsDone.set(name, done)
        if (done === plan?.after) kill(name, alive.get(`${name}: ${plan?.role}`))
      } else if (event === 'state' && state === plan?.after && !killed.has(name)) {
        kill(name, alive.get(`${name}: ${plan?.role}`))
      }
    },
  }
  const results = await runSuite({
    scenarios: Object.fromEntries(names.map((name) => [name, scenario])),
    platform,
    settings: await platform.readSettings(),
    log,
    origin: monotonicSeconds(),
    limitSeconds,
    wait: true,
    repeat: 1,
    allowHostSettings: false,
    interruption: new AbortController().signal,
  })
  return {results: new Map(results.map((result) => [result.scenario, result])), killed}
}

interface Story {
  id: string
  problem: string | undefined
  /** Which processes of its own it has, after which steps of its script. */
  own: Record<string, Moment[]>
  /** Who plays in a host, after which steps; the host's end is everybody's who still plays there. */
  hosted: Record<string, Moment[]>
  hosts: Record<string, string>
}

const stories: Story[] = [
  {
    id: 'connection-outlives-server',
    problem: nativeOpenerProblem(),
    own: {predecessor: [0, 'LISTEN', 1, 2]},
    hosted: {successor: [0, 1, 2, 3, 4], client: [0, 1, 2, 3, 4], holder: [0, 2, 3, 4]},
    hosts: {successor: 'successor-host', client: 'client-host', holder: 'client-host'},
  },
  {
    id: 'no-tw-buckets/default-buckets',
    problem: nativeOpenerProblem() ?? namespaceProblem,
    own: {predecessor: [0, 1, 2]},
    hosted: {keeper: [0, 1, 2, 3, 4, 5], successor: [1, 4], client: [0, 2]},
    hosts: {keeper: 'keeper-host', successor: 'namespace-host', client: 'namespace-host'},
  },
]

function plansOf(present: Record<string, Moment[]>): Plan[] {
  return Object.entries(present).flatMap(([role, moments]) =>
    moments.map((after) => ({role, after})),
  )
}

for (const {id, problem, own, hosted, hosts} of stories) {
  testUnless(
    problem,
    `whoever is killed, at whichever step of ${id}, that play fails and says so, and no other (${Object.keys(own).join(', ')})`,
    async (t) => {
      const plans = plansOf(own)
      const {results, killed} = await play(id, plans)
      t.is(killed.size, plans.length, `killed were only: ${[...killed.keys()].join(', ')}`)
      for (const [name, result] of results) {
        resultSchema.parse(result)
        const [role] = name.split(' ')
        const pid = killed.get(name)
        if (pid === undefined) t.is(result.status, 'as-expected', `${name}: ${result.reason}`)
        else {
          t.is(result.status, 'failed', name)
          t.is(result.reason, `the ${role} (pid ${pid}) was ended by SIGKILL`, name)
        }
      }
    },
  )

  testUnless(
    problem,
    `whenever a host is killed, at whichever step of ${id}, who still needs it fails and says so (${Object.keys(hosted).join(', ')})`,
    async (t) => {
      // A run each, because a host is everybody's.
      const plans = plansOf(hosted)
      // None lasts that long: its end is the host's, and must not be the limit's on a busy machine.
      const alone = {others: [], limitSeconds: 60}
      const played = await Promise.all(plans.map((plan) => play(id, [plan], alone)))
      for (const [index, {results, killed}] of played.entries()) {
        const {role, after} = plans[index] as Plan
        const [[name, pid] = []] = killed
        t.not(pid, undefined, `no ${role} after ${after}`)
        const result = results.get(name ?? '')
        t.is(result?.status, 'failed', name)
        t.is(result?.reason, `the ${hosts[role]} (pid ${pid}) was ended by SIGKILL`, name)
      }
    },
  )
}
