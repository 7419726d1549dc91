import {execFileSync} from 'node:child_process'
import type {Handlers} from './protocol.ts'

/** What the settings were before, in the order in which they were set. */
const before: [name: string, value: string][] = []

/**
 * The process that sets kernel settings of the machine itself, where the user has allowed it, and sets them
 * back when it is told to exit or the harness has ended, however it has.
 */
export const settingsKeeperHandlers = {
  async 'set-host-settings'({settings}): Promise<null> {
    for (const [name, value] of Object.entries(settings)) {
      before.push([name, sysctl('-n', name).trim()])
      sysctl('-w', `${name}=${value}`)
    }
    return null
  },

  async exit(): Promise<{openConnections: number}> {
    restoreSettings()
    return {openConnections: 0}
  },
} satisfies Handlers

/** Sets back what was set; does nothing in a process that has set nothing. */
export function restoreSettings(): void {
  for (const [name, value] of before.splice(0).reverse()) sysctl('-w', `${name}=${value}`)
}

/** sysctl(8), which macOS has in /usr/sbin and Linux there or in /sbin. */
function sysctl(...args: string[]): string {
  return execFileSync('sysctl', args, {
    encoding: 'utf8',
    env: {PATH: `/usr/sbin:/sbin:${process.env.PATH}`},
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
