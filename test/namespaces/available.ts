/** What this machine allows, found out without the harness. */
import {spawnSync} from 'node:child_process'
import {missingProgram} from '../commands/cli.ts'

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
  privateNetwork === undefined ? 'no private network namespace can be had' : undefined

const {PATH} = process.env
process.env.PATH = `${PATH}:/usr/sbin:/sbin`
export const packetFilterProblem = namespaceProblem ?? missingProgram('nft')
process.env.PATH = PATH
