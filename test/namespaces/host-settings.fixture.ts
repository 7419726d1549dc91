/** Runs as root in a network namespace of its own, which stands for the machine whose settings are changed. */
import {execFileSync} from 'node:child_process'
import {readFileSync} from 'node:fs'
import {changeHostSettings} from '../../harness/namespaces/host-settings.ts'
import {linux} from '../../harness/platforms/linux.ts'
import {compileActor} from '../../harness/processes/compile.ts'
import {bringLoopbackUp} from '../../harness/sockets/loopback.ts'

type Written = Parameters<typeof changeHostSettings>[2]

const finTimeout = 'net.ipv4.tcp_fin_timeout'
const portRange = 'net.ipv4.ip_local_port_range'

const read = () => Number(readFileSync('/proc/sys/net/ipv4/tcp_fin_timeout', 'utf8'))
const {path, dispose} = await compileActor()
const change = (settings: Written) =>
  changeHostSettings(path, linux, settings, {onProcess: () => undefined})
const told = (error: Error) => [error.name, error.message]

/** Two runs at once, and one after them. */
async function twice(): Promise<unknown> {
  const before = read()
  const first = await change({[finTimeout]: 7})
  const second = await change({[finTimeout]: 9}).catch(told)
  const changed = read()
  await first.close()
  const after = read()
  if (!Array.isArray(second)) await second.close()
  const third = await change({[finTimeout]: 9})
  const again = read()
  await third.close()
  return {before, second, changed, after, again, afterAll: read()}
}

/** One of two settings cannot be set back: privileged ports have come to reach into the old range. */
async function stuck(): Promise<unknown> {
  const before = read()
  const surroundings = await change({[finTimeout]: 7, [portRange]: '60000 61000'})
  execFileSync('sysctl', ['-w', 'net.ipv4.ip_unprivileged_port_start=60000'], {
    env: {PATH: '/usr/sbin:/sbin'},
  })
  const problem = await surroundings.close().catch(told)
  return {before, problem, after: read()}
}

bringLoopbackUp()
const answer = await (process.argv[2] === 'twice' ? twice() : stuck())
await dispose()
process.stdout.write(JSON.stringify(answer))
