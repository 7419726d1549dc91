import {type ChildProcess, spawn} from 'node:child_process'
import {availableParallelism} from 'node:os'

/** Keeps every core busy with programs of its own, until it is ended. */
export function keepAllCoresBusy(): {end(): void} {
  const busy: ChildProcess[] = Array.from({length: availableParallelism()}, () =>
    spawn(process.execPath, ['--eval', 'for (;;);'], {stdio: 'ignore'}),
  )
  const end = () => {
    for (const child of busy) child.kill('SIGKILL')
  }
  process.once('exit', end)
  return {end}
}
