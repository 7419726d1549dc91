/**
 * What a script that waits for its port does: try, sleep for a second, try again.
 *
 *   naive-program.ts PORTS SPREAD_SECONDS
 *
 * Prints the uncertainty of each port in seconds, as JSON.
 */
import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import {detectPlatform} from '../platforms/detect.ts'
import {leaveResidue} from '../restart/residue.ts'
import {bindNative, closeNative} from '../sockets/native.ts'
import {openPortPool} from '../sockets/ports.ts'
import {isSystemError} from '../sockets/system-error.ts'

const [ports = 0, spreadSeconds = 0] = process.argv.slice(2).map(Number)
const address = '127.0.0.1'
const platform = detectPlatform()
const pool = openPortPool({
  ephemeralPorts: platform.ephemeralPorts(await platform.readSettings()),
  native: true,
})

async function uncertaintyOf(startMilliseconds: number): Promise<number> {
  await delay(startMilliseconds)
  const port = await pool.take()
  await leaveResidue(port, 'TIME_WAIT')
  for (let lastRefusedAt = Number.NaN; ; ) {
    const triedAt = monotonicSeconds()
    if (isGranted(port)) return monotonicSeconds() - lastRefusedAt
    lastRefusedAt = triedAt
    await delay(1000)
  }
}

function isGranted(port: number): boolean {
  try {
    closeNative(bindNative({address, port, bind: 'none'}))
    return true
  } catch (error) {
    if (isSystemError(error) && error.code === 'EADDRINUSE') return false
    throw error
  }
}

const step = (spreadSeconds * 1000) / ports
const all = Array.from({length: ports}, (_, index) => uncertaintyOf(index * step))
process.stdout.write(JSON.stringify(await Promise.all(all)))
pool.close()
