/**
 * `npm run soak`: whether memory or open files grow with use. One `rebind watch` looks at a port on which
 * connections come and go without end; beside it, this process measures the releases of many ports again and
 * again, as `rebind timing` does once, with every socket and lock closed between two rounds.
 */
import {spawn} from 'node:child_process'
import {readdirSync, readFileSync} from 'node:fs'
import {type AddressInfo, connect, createServer} from 'node:net'
import {setTimeout as delay} from 'node:timers/promises'
import {fileURLToPath} from 'node:url'
import {countUpTo} from '../../harness/commands/options.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {openPortPool} from '../../harness/sockets/ports.ts'
import {measureReleases} from '../../harness/timing/measure.ts'
import {positiveNumber, programOf} from '../program-options.ts'

const {minutes, ports, connections} = programOf('soak')
  .option('--minutes <n>', 'for how long', positiveNumber, 10)
  .option('--ports <n>', 'how many are measured at once', countUpTo(1000), 1000)
  .option('--connections <n>', 'how many come and go on the watched port', countUpTo(1000), 10)
  .parse()
  .opts<{minutes: number; ports: number; connections: number}>()
const seconds = minutes * 60
/** What a garbage collector and an allocator may keep of what they once had; a guess, not a measurement. */
const mostGrowthMegabytes = 24
const mostGrowthFiles = 4
const sampleEverySeconds = 5

interface Sample {
  at: number
  megabytes: number
  files: number
}

function sample(pid: number): Sample {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    at: performance.now() / 1000,
    megabytes: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024,
    files: readdirSync(`/proc/${pid}/fd`).length,
  }
}

/** The second quarter is the base, for what was loaded late and warmed up; the last quarter is held to it. */
function growth(samples: readonly Sample[]): {megabytes: number; files: number} {
  const quarter = Math.floor(samples.length / 4)
  const before = samples.slice(quarter, 2 * quarter)
  const after = samples.slice(-quarter)
  const median = (part: readonly Sample[], key: 'megabytes' | 'files') =>
    part.map((entry) => entry[key]).sort((a, b) => a - b)[Math.floor(part.length / 2)] ?? 0
  return {
    megabytes: median(after, 'megabytes') - median(before, 'megabytes'),
    files: median(after, 'files') - median(before, 'files'),
  }
}

function judged(what: string, samples: readonly Sample[]): boolean {
  const {megabytes, files} = growth(samples)
  const last = samples.at(-1)
  const steady = megabytes <= mostGrowthMegabytes && files <= mostGrowthFiles
  process.stdout.write(
    `${what}: ${last?.megabytes.toFixed(0)} MB and ${last?.files} files at the end; grown by ${megabytes.toFixed(1)} MB and ${files} files: ${steady ? 'steady' : 'GROWING'}\n`,
  )
  return steady
}

const began = performance.now()
const over = new AbortController()
const left = () => seconds - (performance.now() - began) / 1000

const server = createServer((socket) => {
  socket.on('error', () => undefined)
  socket.end('bye\n')
}).listen(0, '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
const {port} = server.address() as AddressInfo

const cli = fileURLToPath(new URL('../../harness/cli.ts', import.meta.url))
const watch = spawn(process.execPath, ['--import=tsx', cli, 'watch', `${port}`, '--json'], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
process.once('exit', () => watch.kill('SIGKILL'))
let linesSeen = 0
watch.stdout.on('data', (text: Buffer) => {
  linesSeen += text.toString('latin1').split('\n').length - 1
})

/** Connections that the server closes first: each leaves a TIME_WAIT on the watched port for a minute. */
async function comeAndGo(): Promise<void> {
  const pause = 1000 / connections
  while (!over.signal.aborted) {
    const client = connect(port, '127.0.0.1')
    client.on('error', () => undefined).resume()
    await delay(pause)
  }
}

async function timeAgainAndAgain(onRound: () => void): Promise<number> {
  const platform = detectPlatform()
  const settings = await platform.readSettings()
  let rounds = 0
  while (left() > 0) {
    const pool = openPortPool({ephemeralPorts: platform.ephemeralPorts(settings), native: true})
    try {
      await measureReleases({
        ports,
        spreadSeconds: 1,
        // Waiting for releases is what takes the time; making, trying and closing the sockets is what could leak.
        limitSeconds: Math.min(5, Math.max(1, left())),
        residue: 'TIME_WAIT',
        platform,
        settings,
        pool,
        interruption: over.signal,
        onResidue: () => undefined,
        onClosed: () => undefined,
        onRelease: () => undefined,
      })
    } finally {
      pool.close()
    }
    rounds++
    onRound()
  }
  return rounds
}

const ofWatch: Sample[] = []
const ofTiming: Sample[] = []
const sampling = setInterval(() => {
  if (watch.pid !== undefined && watch.exitCode === null) ofWatch.push(sample(watch.pid))
}, sampleEverySeconds * 1000)
const traffic = comeAndGo()
// Between two rounds nothing of a round may be left.
const rounds = await timeAgainAndAgain(() => ofTiming.push(sample(process.pid)))
clearInterval(sampling)
over.abort()
await traffic
const watchEndedEarly = watch.exitCode !== null
watch.kill('SIGINT')
await new Promise((resolve) => (watchEndedEarly ? resolve(null) : watch.once('close', resolve)))
server.close()

const lasted = ((performance.now() - began) / 60_000).toFixed(1)
process.stdout.write(
  `${lasted} minutes; watch told of ${linesSeen} changes; ${rounds} rounds of ${ports} ports\n`,
)
if (watchEndedEarly) process.stdout.write('rebind watch ended by itself\n')
const steady = [judged('rebind watch', ofWatch), judged('timing', ofTiming)]
process.exitCode = steady.every(Boolean) && !watchEndedEarly && linesSeen > 0 ? 0 : 1
