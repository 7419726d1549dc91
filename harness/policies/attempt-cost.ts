import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {createServer} from 'node:net'
import {monotonicSeconds} from '../clock.ts'
import {quantile} from '../timing/summary.ts'
import type {AttemptCost} from './policy.ts'

const tries = 5
const tryWithinMilliseconds = 30_000

/** A server that finds its port refused: says when, on the clock of the whole machine, and fails. */
const failingServer = `
const server = require('node:net').createServer()
server.on('error', (error) => {
  process.stdout.write(error.code + ' ' + process.hrtime.bigint())
  process.exitCode = 1
})
server.listen(Number(process.argv[1]), '127.0.0.1')`

/**
 * Measures what an attempt costs that is a process of its own: the median of some starts of a Node server
 * whose port somebody else listens on.
 * @throws Error if such a server does not fail with EADDRINUSE, or not in half a minute
 */
export async function measureAttemptCost(): Promise<AttemptCost> {
  const occupant = createServer().listen(0, '127.0.0.1')
  await once(occupant, 'listening')
  try {
    const place = occupant.address()
    const port = typeof place === 'object' && place !== null ? place.port : 0
    const untilBind: number[] = []
    const untilEnd: number[] = []
    for (let count = 0; count < tries; count++) {
      const {bindAt, endAt, startAt} = await fail(port)
      untilBind.push(bindAt - startAt)
      untilEnd.push(endAt - startAt)
    }
    return {
      untilBindSeconds: quantile(untilBind, 0.5) ?? 0,
      untilEndSeconds: quantile(untilEnd, 0.5) ?? 0,
    }
  } finally {
    occupant.close()
  }
}

async function fail(port: number): Promise<{startAt: number; bindAt: number; endAt: number}> {
  const {NODE_OPTIONS: _, ...env} = process.env
  const startAt = monotonicSeconds()
  const child = spawn(process.execPath, ['--eval', failingServer, String(port)], {
    env,
    // A terminal's Ctrl-C is for us: what has begun is measured to its end.
    ...{detached: true, windowsHide: true},
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: tryWithinMilliseconds,
    killSignal: 'SIGKILL',
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  let endAt = 0
  child.once('exit', () => {
    endAt = monotonicSeconds()
  })
  await once(child, 'close')
  const [code, nanoseconds] = said.split(' ')
  if (code !== 'EADDRINUSE') {
    throw new Error(`a server on a port in use should fail with EADDRINUSE, but said "${code}"`)
  }
  return {startAt, bindAt: Number(nanoseconds) / 1e9, endAt}
}
