import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {accessSync, constants, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {type Bracket, monotonicSeconds} from '../clock.ts'
import {ipv4SettingNames, readIpv4Settings} from '../platforms/linux.ts'
import {readLinuxSockets} from '../platforms/linux-sockets.ts'
import type {Settings} from '../platforms/platform.ts'
import {readTcpCounters} from '../platforms/proc-net-snmp.ts'
import {bringLoopbackUp} from '../sockets/loopback.ts'
import {
  inNamespace,
  type NetworkNamespace,
  openNetworkNamespace,
  withNamespace,
} from '../sockets/network-namespace.ts'
import {isSystemError} from '../sockets/system-error.ts'
import {destroySockets, tryToDestroy} from './destroy.ts'
import type {Handlers} from './protocol.ts'
import type {Play} from './role.ts'
import {verifyAccepting} from './verify.ts'

/**
 * Where a system keeps its programs. The PATH is not asked: an ordinary user's often lacks /usr/sbin, and npm puts
 * node_modules/.bin first in it, where another program is called nft, too (@vercel/nft).
 */
const systemFolders = [
  ...['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
  ...['/usr/local/sbin', '/usr/local/bin'],
]

const settingsFolder = '/proc/sys/net/ipv4'

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

/** @throws Error with nft's own first words */
async function runNft(args: readonly string[], input = ''): Promise<string> {
  const start = () => spawn(nftProgram(), args, {stdio: ['pipe', 'pipe', 'pipe']})
  const nft = inNamespace(start)
  const ended = once(nft, 'close')
  // A program that ends early does not read its input; its status tells.
  nft.stdin.on('error', () => undefined)
  nft.stdin.end(input)
  const [printed, said, [status]] = await Promise.all([text(nft.stdout), text(nft.stderr), ended])
  if (status !== 0) throw new Error(`nft: ${said.trim().split('\n')[0]}`)
  return printed
}

/** Sets up a private network namespace that a host has created, and reads its sockets and counters. */
export function openKeeper(): Play {
  let kept: NetworkNamespace | undefined

  function inside<Result>(act: () => Result): Result {
    if (kept === undefined) throw new Error('there is no namespace yet')
    return withNamespace(kept, act)
  }

  const handlers = {
    async 'set-up-namespace'({host, fd, settings}): Promise<{settings: Settings}> {
      kept = openNetworkNamespace(host, fd)
      return inside(() => {
        restoreSizes()
        for (const [name, value] of Object.entries(settings)) write(name, String(value))
        bringLoopbackUp()
        const names = [...ipv4SettingNames, ...Object.keys(settings)]
        return readIpv4Settings(names).then((read) => ({settings: read}))
      })
    },

    async 'filter-packets'({rules}): Promise<Bracket> {
      const from = monotonicSeconds()
      await inside(() => runNft(['-f', '-'], rules))
      return {from, to: monotonicSeconds()}
    },

    async 'count-dropped'({words}) {
      const printed = await inside(() => runNft(words))
      return {packets: Number(/\bpackets (\d+)/.exec(printed)?.[1] ?? 0)}
    },

    async 'try-to-destroy'(): Promise<{answer: string}> {
      return {answer: await inside(() => tryToDestroy())}
    },

    async 'destroy-sockets'({port, state}): Promise<Bracket & {destroyed: number}> {
      const from = monotonicSeconds()
      const destroyed = await inside(() => destroySockets(port, state))
      return {from, to: monotonicSeconds(), destroyed}
    },

    async 'read-sockets'({ports}) {
      const query = ports === undefined ? undefined : {ports}
      return {sockets: await inside(() => readLinuxSockets(query))}
    },

    async 'read-counters'() {
      return inside(() => readTcpCounters())
    },

    async 'verify-accepting'({address, port, greeting}): Promise<null> {
      await inside(() => verifyAccepting(address, port, greeting))
      return null
    },
  } satisfies Handlers
  return {handlers, close: () => kept?.close()}
}

/**
 * Settings that the kernel derives from the size of a namespace's own connection table. They get the values that they
 * have with the machine's table, which the namespace that the keeper started in shares.
 */
const derivedFromTable = ['tcp_max_tw_buckets', 'tcp_max_syn_backlog']
let usual: string[] | undefined

/** Where a namespace has no table of its own nothing differs, and nothing is written: not every kernel allows it. */
function restoreSizes(): void {
  usual ??= derivedFromTable.map(read)
  for (const [index, name] of derivedFromTable.entries()) {
    const value = usual[index] ?? ''
    if (inNamespace(() => read(name)) !== value) write(name, value)
  }
}

function read(name: string): string {
  return readFileSync(`${settingsFolder}/${name}`, 'latin1').trim()
}

function write(name: string, value: string): void {
  try {
    inNamespace(() => writeFileSync(`${settingsFolder}/${name}`, value))
  } catch (error) {
    // The harness skips a scenario for which this kernel has no such setting.
    if (isSystemError(error) && error.code === 'ENOENT') throw error
    throw new Error(`${name} cannot be set: ${(error as Error).message}`)
  }
}
