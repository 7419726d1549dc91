import {monotonicSeconds} from '../../harness/clock.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import type {EventLog} from '../../harness/reports/events.ts'
import {type Result, resultSchema} from '../../harness/reports/schema.ts'
import {runSuite} from '../../harness/restart/suite.ts'
import {type Scenario, scenario} from '../../harness/scenario.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {scenarios} from '../../scenarios/index.ts'
import {testUnless} from '../commands/cli.ts'
import {namespaceProblem} from '../namespaces/available.ts'

/**
 * When a process is killed: after so many steps; 0: as soon as it has started; LISTEN: when the predecessor
 * listens, and the client, who is to connect next, may be refused before anybody is told of that end;
 * bind-attempt: with the first attempt, which may be all that the play waits for.
 */
type Moment = number | 'LISTEN' | 'bind-attempt'

interface Plan {
  role: string
  after: Moment
}

interface Played {
  results: Map<string, Result>
  /** The pid that was killed in the play of that name; none where the role was not there at that step. */
  killed: Map<string, number>
}

/** Plays a scenario once for each plan, and once undisturbed, all in one run. */
async function play(scenario: Scenario, plans: Plan[]): Promise<Played> {
  const platform = detectPlatform()
  const byName = new Map(plans.map((plan) => [`${plan.role} after ${plan.after}`, plan]))
  const names = ['undisturbed', ...byName.keys()]
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
      } else if (killed.has(name)) {
        // The end of one is enough.
      } else if (plan?.after === (event === 'state' ? state : event)) {
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
    limitSeconds: 1,
    wait: true,
    repeat: 1,
    allowHostSettings: false,
    interruption: new AbortController().signal,
  })
  return {results: new Map(results.map((result) => [result.scenario, result])), killed}
}

/** In each story, who is there after which steps of its script. */
const stories: [id: string, problem: string | undefined, present: Record<string, Moment[]>][] = [
  [
    'connection-outlives-server',
    nativeOpenerProblem(),
    {
      predecessor: [0, 'LISTEN', 1, 2],
      successor: [0, 1, 2, 3, 4],
      client: [0, 1, 2, 3, 4],
      holder: [0, 2, 3, 4],
    },
  ],
  [
    'no-tw-buckets/default-buckets',
    nativeOpenerProblem() ?? namespaceProblem,
    {keeper: [0, 1, 2, 3, 4, 5]},
  ],
]

for (const [id, problem, present] of stories) {
  const roles = Object.keys(present).join(', ')
  testUnless(
    problem,
    `whoever is killed, at whichever step of ${id}, that play fails and says so, and no other (${roles})`,
    async (t) => {
      const plans = Object.entries(present).flatMap(([role, moments]) =>
        moments.map((after) => ({role, after})),
      )
      const {results, killed} = await play(scenarios[id] ?? t.fail(), plans)
      t.is(killed.size, plans.length, `killed were only: ${[...killed.keys()].join(', ')}`)
      for (const [name, result] of results) {
        resultSchema.parse(result)
        const [role] = name.split(' ')
        const pid = killed.get(name)
        if (pid === undefined) t.is(result.status, 'as-expected', `${name}: ${result.reason}`)
        else {
          t.is(result.status, 'failed', `${name}: ${result.reason}`)
          t.is(result.reason, `the ${role} (pid ${pid}) was ended by SIGKILL`, name)
        }
      }
    },
  )
}

/** Its claim is wrong, so that it is unexpected wherever nobody is killed. */
const wrong = scenario({
  title: 'Wrong',
  claim: 'A reset leaves TIME_WAIT.',
  predecessor: {bind: 'none'},
  successor: {bind: 'none'},
  async script({server, client, successor}) {
    await client.connect()
    await server.abortConnection()
    await server.exit()
    await successor.start()
  },
  residue: {server: 'TIME_WAIT'},
})

testUnless(
  nativeOpenerProblem(),
  'what is not as expected is no verdict where the end of a process, told only then, may be why',
  async (t) => {
    const {results, killed} = await play(wrong, [{role: 'client', after: 'bind-attempt'}])
    t.is(results.get('undisturbed')?.status, 'unexpected')
    const result = results.get('client after bind-attempt')
    t.is(result?.status, 'failed', result?.reason)
    const pid = killed.get('client after bind-attempt')
    t.is(result?.reason, `the client (pid ${pid}) was ended by SIGKILL`)
  },
)
