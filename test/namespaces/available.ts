/** What this machine allows, found out without the harness. */
import {spawnSync} from 'node:child_process'
import {notInstalled, pathsOf} from '../needs.ts'

const ways: readonly string[][] = [
  ['unshare', '-Urn'],
  process.getuid?.() === 0 ? ['unshare', '-n'] : ['sudo', '-n', 'unshare', '-n'],
]

/** The program and arguments that run a command in a new network namespace of full rights. */
export const privateNetwork: readonly string[] | undefined =
  process.platform === 'linux' ? ways.find(settingCanBeWritten) : undefined

function settingCanBeWritten([command = '', ...args]: readonly string[]): boolean {
  const file = '/proc/sys/net/ipv4/tcp_fin_timeout'
  return spawnSync(command, [...args, 'tee', file], {input: '60'}).status === 0
}

export const namespaceProblem =
  privateNetwork === undefined ? 'private network namespaces are not available' : undefined

/** Not by the PATH, in which npm puts another program of that name first. */
export const packetFilterPaths = pathsOf('nft', [
  ...['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
  ...['/usr/local/sbin', '/usr/local/bin'],
])
export const packetFilterProblem =
  namespaceProblem ?? (packetFilterPaths.length > 0 ? undefined : notInstalled('nft'))
