import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {availableParallelism} from 'node:os'

/** Ends when its parent does, however that ends. */
const spinning = `
const parent = process.ppid
process.stdout.write('spinning')
while (process.ppid === parent) for (let count = 0; count < 1e7; count++);`

export interface Spinners {
  count: number
  stop(): Promise<void>
}

/** Keeps every core busy with a process of its own. */
export async function spinOnAllCores(): Promise<Spinners> {
  const {NODE_OPTIONS: _, ...env} = process.env
  const children = Array.from({length: availableParallelism()}, () =>
    spawn(process.execPath, ['--eval', spinning], {env, stdio: ['ignore', 'pipe', 'inherit']}),
  )
  await Promise.all(children.map(({stdout}) => once(stdout, 'data')))
  return {
    count: children.length,
    async stop() {
      await Promise.all(
        children.map(async (child) => {
          if (child.exitCode !== null || child.signalCode !== null) return
          const exited = once(child, 'exit')
          child.kill('SIGKILL')
          await exited
        }),
      )
    },
  }
}
