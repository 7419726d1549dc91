/** Runs as root in a network namespace of its own, which stands for the machine whose settings are changed. */
import {execFileSync, spawn} from 'node:child_process'
import {once} from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {changeHostSettings} from '../../harness/namespaces/host-settings.ts'
import {linux} from '../../harness/platforms/linux.ts'
import {compileActor} from '../../harness/processes/compile.ts'
import {bringLoopbackUp} from '../../harness/sockets/loopback.ts'

type Written = Parameters<typeof changeHostSettings>[2]

const finTimeout = 'net.ipv4.tcp_fin_timeout'
const portRange = 'net.ipv4.ip_local_port_range'

const read = () => Number(readFileSync('/proc/sys/net/ipv4/tcp_fin_timeout', 'utf8'))
const readRange = () => readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim()
const {path, dispose} = await compileActor()
const change = (settings: Written) =>
  changeHostSettings(path, linux, settings, {onProcess: () => undefined})
const told = (error: Error) => [error.name, error.message]

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!condition() && performance.now() < deadline) await delay(10)
}

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

/** The harness is killed while a sysctl, slower than most, is about to write. In a mount namespace of its own. */
async function killedMeanwhile(): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'rebind-test-'))
  const program = ['/usr/sbin/sysctl', '/sbin/sysctl'].find(existsSync) ?? ''
  const [real, slow, mark] = [
    join(folder, 'bin', 'sysctl'),
    join(folder, 'slow'),
    join(folder, 'mark'),
  ]
  mkdirSync(join(folder, 'bin'))
  copyFileSync(program, real)
  const script = `#!/bin/sh\ncase "$*" in *=7) touch ${mark}; sleep 1;; esac\nexec ${real} "$@"\n`
  writeFileSync(slow, script, {mode: 0o755})
  execFileSync('mount', ['--bind', slow, program])
  const module = new URL('../../harness/processes/launch.ts', import.meta.url).href
  const source = `
    const {launch} = await import(${JSON.stringify(module)})
    const keeper = await launch(${JSON.stringify(path)}, 'settings-keeper')
    process.stdout.write(String(keeper.pid))
    const settings = {'${finTimeout}': 7, '${portRange}': '60000 61000'}
    await keeper.request('set-host-settings', {settings})`
  const before = [read(), readRange()]
  const args = ['--import=tsx', '--input-type=module', '--eval', source]
  const harness = spawn(process.execPath, args, {stdio: ['ignore', 'pipe', 'inherit']})
  const [pid] = await once(harness.stdout, 'data')
  await until(() => existsSync(mark))
  harness.kill('SIGKILL')
  await until(() => !existsSync(`/proc/${pid}`))
  rmSync(folder, {recursive: true})
  return {before, after: [read(), readRange()]}
}

bringLoopbackUp()
const answer = await {twice, stuck, killedMeanwhile}[process.argv[2] as 'twice']()
await dispose()
process.stdout.write(JSON.stringify(answer))
