/** Runs in a network namespace of its own: has a setting changed, kills who asked for it, and looks. */
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {readFileSync} from 'node:fs'
import {setTimeout as delay} from 'node:timers/promises'
import {compileActor} from '../../harness/processes/compile.ts'
import {bringLoopbackUp} from '../../harness/sockets/loopback.ts'

const read = () => readFileSync('/proc/sys/net/ipv4/tcp_fin_timeout', 'utf8').trim()
// As on every machine; the keeper's lock is there.
bringLoopbackUp()
const {path} = await compileActor()
const module = new URL('../../harness/processes/launch.ts', import.meta.url).href
const before = read()
const harness = spawn(
  process.execPath,
  [
    '--import=tsx',
    '--input-type=module',
    '--eval',
    `const {launch} = await import(${JSON.stringify(module)})
    const keeper = await launch(${JSON.stringify(path)}, 'settings-keeper')
    await keeper.request('set-host-settings', {settings: {'net.ipv4.tcp_fin_timeout': 7}})
    process.stdout.write('changed')`,
  ],
  {stdio: ['ignore', 'pipe', 'inherit']},
)
await once(harness.stdout, 'data')
const changed = read()
harness.kill('SIGKILL')
const deadline = performance.now() + 10_000
while (read() !== before && performance.now() < deadline) await delay(10)
process.stdout.write(JSON.stringify({before, changed, after: read()}))
