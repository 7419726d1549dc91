import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {accessSync, constants} from 'node:fs'
import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {type Bracket, monotonicSeconds} from '../clock.ts'
import {ipv4SettingNames, readIpv4Settings} from '../platforms/linux.ts'
import {readLinuxSockets} from '../platforms/linux-sockets.ts'
import type {Settings} from '../platforms/platform.ts'
import {bringLoopbackUp} from '../sockets/loopback.ts'
import type {Handlers} from './protocol.ts'
import {verifyAccepting} from './verify.ts'

/**
 * Where a system keeps its programs. The PATH is not asked: an ordinary user's often lacks /usr/sbin, and npm puts
 * node_modules/.bin first in it, where another program is called nft, too (@vercel/nft).
 */
const systemFolders = [
  ...['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
  ...['/usr/local/sbin', '/usr/local/bin'],
]

/** @throws if nftables are not installed */
function nftProgram(): string {
  const path = systemFolders.map((folder) => join(folder, 'nft')).find(isExecutable)
  if (path === undefined) throw new Error('nft is not installed')
  return path
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * The process that keeps a private network namespace: the namespace, its settings and its packet rules
 * are gone as soon as this process and those that joined it are.
 */
export const keeperHandlers = {
  async 'set-up-namespace'({settings}): Promise<{settings: Settings}> {
    for (const [name, value] of Object.entries(settings)) {
      await writeFile(`/proc/sys/net/ipv4/${name}`, String(value)).catch((error: Error) => {
        throw new Error(`${name} cannot be set: ${error.message}`)
      })
    }
    bringLoopbackUp()
    return {settings: await readIpv4Settings([...ipv4SettingNames, ...Object.keys(settings)])}
  },

  async 'filter-packets'({rules}): Promise<Bracket> {
    const from = monotonicSeconds()
    const nft = spawn(nftProgram(), ['-f', '-'], {stdio: ['pipe', 'ignore', 'pipe']})
    const ended = once(nft, 'close')
    // A program that ends early does not read its input; its status tells.
    nft.stdin.on('error', () => undefined)
    nft.stdin.end(rules)
    const [said, [status]] = await Promise.all([text(nft.stderr), ended])
    if (status !== 0) throw new Error(`nft: ${said.trim().split('\n')[0]}`)
    return {from, to: monotonicSeconds()}
  },

  async 'read-sockets'({ports}) {
    return {sockets: await readLinuxSockets({ports})}
  },

  async 'verify-accepting'({address, port, greeting}): Promise<null> {
    await verifyAccepting(address, port, greeting)
    return null
  },

  async exit(): Promise<{openConnections: number}> {
    return {openConnections: 0}
  },
} satisfies Handlers
