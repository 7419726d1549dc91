import {spawnSync} from 'node:child_process'
import {livingBelow} from '../../harness/processes/process-table.ts'
import type {Scenario, ScenarioWithArms, Script} from '../../harness/scenario.ts'
import {scenarios} from '../../scenarios/index.ts'

const stoppedSeconds = 7

/** Stops what it is given, itself not among them, and has it go on after some seconds. */
const stopper = `
  const [seconds, ...pids] = process.argv.slice(1).map(Number)
  // One that lives for a moment, nft say, may have ended by now: the others are to go on all the same.
  const send = (pid, signal) => { try { process.kill(pid, signal) } catch {} }
  for (const pid of pids) send(pid, 'SIGSTOP')
  setTimeout(() => {
    for (const pid of pids) send(pid, 'SIGCONT')
  }, seconds * 1000)
`

/**
 * Scenarios whose first attempts wait for each other, and that are then stopped for some seconds right before
 * them, together with the harness and everything below it.
 * @param ids as many as set themselves up at the same time
 */
export function stopped(ids: readonly string[]): ScenarioWithArms {
  const waiting = new Set<string>()
  let resume: () => void = () => undefined
  const resumed = new Promise<void>((resolve) => {
    resume = resolve
  })
  const arrive = (id: string): Promise<void> => {
    // A story whose packets did something else is begun again, and is then not stopped once more.
    const isLast = !waiting.has(id) && waiting.size === ids.length - 1
    waiting.add(id)
    if (isLast) {
      const tree = [process.pid, ...livingBelow(process.pid)]
      spawnSync(process.execPath, ['--eval', stopper, `${stoppedSeconds}`, ...tree.map(String)])
      resume()
    }
    return resumed
  }
  const arms = Object.fromEntries(
    ids.map((id) => {
      const scenario = scenarios[id] as Scenario
      const script = (steps: Script) =>
        scenario.script(stoppedBeforeTrying(steps, () => arrive(id)))
      return [id.replace('/', '-'), {...scenario, script}] as const
    }),
  )
  const {title, claim, predecessor, script, residue} = Object.values(arms)[0] as Scenario
  return {title, claim, predecessor, script, residue, arms}
}

/**
 * What is tried first is the restart, or a connection from the old port; where that has to wait for TIME_WAIT,
 * the stop comes while TIME_WAIT does.
 */
function stoppedBeforeTrying(steps: Script, arrive: () => Promise<void>): Script {
  const {client, network, successor} = steps
  return {
    ...steps,
    client: {
      ...client,
      async reconnect(from) {
        await arrive()
        await client.reconnect(from)
      },
    },
    network: {
      ...network,
      async shows(states) {
        if (states.server === 'TIME_WAIT') await arrive()
        await network.shows(states)
      },
    },
    successor: {
      async start() {
        await arrive()
        await successor.start()
      },
    },
  }
}
