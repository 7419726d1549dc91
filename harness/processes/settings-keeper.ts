import {createSocket, type Socket} from 'node:dgram'
import {once} from 'node:events'
import {runProgram, usualLimits} from '../platforms/run-program.ts'
import type {Handlers, WrittenSettings} from './protocol.ts'

/**
 * A UDP port of loopback that the one keeper has who has changed settings of this machine: a second one would take
 * the changed values for those that were there before, and set them back last. UDP has a port space of its own, and
 * the lock is gone with its process. The number means nothing; no lock of the port pool (multiples of 32) has it.
 */
export const lockPort = 28_611

/** So that setting all of them back takes less time than the harness waits for an answer. */
const limits = {...usualLimits, seconds: 5}

let lock: Promise<Socket | undefined> | undefined

/** What the settings were before, in the order in which they were set. */
const before: [name: string, value: string][] = []
let changing: Promise<void> | undefined
let restoring = false

/**
 * The process that sets kernel settings of the machine itself, where the user has allowed it, and sets them
 * back when it is told to exit or the harness has ended, however it has.
 */
export const settingsKeeperHandlers = {
  async 'set-host-settings'({settings}): Promise<'set' | 'locked'> {
    lock ??= takeLock()
    if ((await lock) === undefined) return 'locked'
    changing = change(settings)
    await changing
    return 'set'
  },

  async exit(): Promise<{openConnections: number}> {
    const problems = await restoreSettings()
    if (problems.length > 0) throw new Error(problems.join('; '))
    return {openConnections: 0}
  },
} satisfies Handlers

/** Held until this process ends, which is after the settings are restored. */
async function takeLock(): Promise<Socket | undefined> {
  const socket = createSocket({type: 'udp4'})
  // The channel to the harness is what keeps the process.
  socket.unref()
  try {
    const bound = once(socket, 'listening')
    socket.bind({address: '127.0.0.1', port: lockPort, exclusive: true})
    await bound
    return socket
  } catch (error) {
    socket.close()
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined
    throw error
  }
}

async function change(settings: WrittenSettings): Promise<void> {
  for (const [name, value] of Object.entries(settings)) {
    if (restoring) return
    before.push([name, await read(name)])
    await sysctl('-w', `${name}=${value}`)
  }
}

/**
 * Sets back what was set, all of it that can be; does nothing in a process that has set nothing.
 * @returns what could not be restored, and what to do about it
 */
export async function restoreSettings(): Promise<string[]> {
  const problems: string[] = []
  restoring = true
  // A sysctl that is still under way would otherwise be the last to write.
  await changing?.catch(() => undefined)
  for (const [name, value] of before.splice(0).reverse()) {
    try {
      await sysctl('-w', `${name}=${value}`)
      const now = await read(name)
      if (now !== value) throw new Error(`it is ${now}`)
    } catch (error) {
      const {message} = error as Error
      problems.push(
        `${name} could not be restored to ${value}: ${message}; run sudo sysctl -w '${name}=${value}'`,
      )
    }
  }
  return problems
}

async function read(name: string): Promise<string> {
  return (await sysctl('-n', name)).trim()
}

/** sysctl(8), which macOS has in /usr/sbin and Linux there or in /sbin. */
async function sysctl(...args: string[]): Promise<string> {
  const env = {PATH: `/usr/sbin:/sbin:${process.env.PATH}`}
  const {status, stdout, stderr} = await runProgram('sysctl', args, env, limits)
  if (status !== 0) {
    const [said = ''] = stderr.trim().split('\n')
    throw new Error(said === '' ? `sysctl ended with status ${status}` : said)
  }
  return stdout
}
