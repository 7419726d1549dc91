/** Fills a port with TIME_WAIT sockets in the network namespace that it was started in, and tries binds there. */
import {readFileSync, writeFileSync} from 'node:fs'
import {monotonicSeconds} from '../clock.ts'
import {readProcNetTcp} from '../platforms/proc-net-tcp.ts'
import {type BindOption, bindFlags, bindOptions} from '../sockets/bind-options.ts'
import {listenOn} from '../sockets/connection.ts'
import {bringLoopbackUp} from '../sockets/loopback.ts'
import {bindNative, closeNative, makeSocket, preparedBind} from '../sockets/native.ts'
import {errorCode} from '../sockets/system-error.ts'
import {quantile} from '../timing/summary.ts'
import {costOf} from './cost-of.ts'
import type {Crowd} from './document.ts'
import {tellResult} from './namespace.ts'
import {rebind} from './programs.ts'
import {leaveTimeWaits} from './time-waits.ts'

export interface CrowdRequest {
  wanted: number
  clientAddresses: number
  tries: number
  whys: number
}

/** Both options, so that one bind is refused and three are granted on Linux. */
const predecessorBind = 'both'
const serverAddress = '127.0.0.1'
const port = 1500
const firstClientPort = 2000
const addresses = ['127.0.0.1', '0.0.0.0']
/** More than the largest crowd; the machine's own limit stays as it is. */
const mostTimeWaits = 262_144

await tellResult(async (): Promise<Crowd> => {
  const {wanted, clientAddresses, tries, whys}: CrowdRequest = JSON.parse(process.argv[2] ?? '')
  bringLoopbackUp()
  writeFileSync('/proc/sys/net/ipv4/tcp_max_tw_buckets', `${mostTimeWaits}`)
  const kernelBefore = kernelBytes()
  const from = monotonicSeconds()
  await makeCrowd(wanted, clientAddresses)
  const makingSeconds = monotonicSeconds() - from
  const table = await readProcNetTcp()
  const reached = table.filter(
    ({state, local}) => state === 'TIME_WAIT' && local.port === port,
  ).length
  const kernelAfter = kernelBytes()
  return {
    wanted,
    reached,
    clientAddresses,
    makingSeconds,
    binds: addresses.flatMap((address) => bindOptions.map((bind) => timed(address, bind, tries))),
    why: await explained(whys),
    kernelBytes:
      kernelBefore === null || kernelAfter === null
        ? null
        : Math.max(0, kernelAfter - kernelBefore),
  }
})

async function makeCrowd(wanted: number, clientAddresses: number): Promise<void> {
  const listener = bindNative({address: serverAddress, port, bind: predecessorBind})
  listenOn(listener, 16)
  const each = wanted / clientAddresses
  await leaveTimeWaits({
    listener,
    address: serverAddress,
    port,
    clients: Array.from({length: clientAddresses}, (_, index) => ({
      address: `127.0.0.${index + 1}`,
      ports: Array.from({length: each}, (_, offset) => firstClientPort + offset),
    })),
  })
}

/** The bind(2) alone, called through the FFI. */
function timed(address: string, bind: BindOption, tries: number): Crowd['binds'][number] {
  const seconds: number[] = []
  let errno = 0
  for (let count = 0; count < tries; count++) {
    if (bindFlags(bind).reuseport) forgetReuseport(address)
    const fd = makeSocket({address, bind})
    const attempt = preparedBind(fd, address, port)
    const from = monotonicSeconds()
    errno = attempt()
    seconds.push(monotonicSeconds() - from)
    closeNative(fd)
  }
  return {
    bind,
    address,
    outcome: errno === 0 ? 'granted' : errorCode(errno),
    tries,
    medianSeconds: quantile(seconds, 0.5) ?? 0,
    maxSeconds: Math.max(...seconds),
  }
}

/**
 * Once SO_REUSEPORT was granted, Linux grants it again without looking at the sockets, until a bind without it is
 * granted (inet_csk_update_fastreuse in net/ipv4/inet_connection_sock.c). A restart is the first bind.
 */
function forgetReuseport(address: string): void {
  closeNative(bindNative({address, port, bind: 'reuseaddr'}))
}

async function explained(runs: number): Promise<Crowd['why']> {
  const seconds: number[] = []
  let peakBytes = 0
  for (let count = 0; count < runs; count++) {
    const cost = await costOf([...rebind, 'why', `${port}`, '--json'])
    seconds.push(cost.wallSeconds)
    peakBytes = Math.max(peakBytes, cost.peakBytes)
  }
  const medianSeconds = quantile(seconds, 0.5)
  return medianSeconds === null ? null : {runs, medianSeconds, peakBytes}
}

/**
 * What the slab caches of TIME_WAIT sockets and of bound ports take on the whole machine: whole slabs, because that
 * memory is in use. Null if it is not shown (slabinfo(5)): only root sees it, and not on every kernel.
 */
function kernelBytes(): number | null {
  try {
    const bytes = readFileSync('/proc/slabinfo', 'latin1')
      .split('\n')
      .map((line) => line.split(/\s+/))
      .filter(([name = '']) => /^(tw_sock_TCP|tcp_bind_bucket|tcp_bind2_bucket)$/.test(name))
      .map(([, , objects, size]) => Number(objects) * Number(size))
    return bytes.length === 0 ? null : bytes.reduce((sum, each) => sum + each, 0)
  } catch {
    return null
  }
}
