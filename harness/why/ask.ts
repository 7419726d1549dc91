import {readMachine} from '../documents/host.ts'
import type {WhyPath, WhyPort} from '../documents/why-schema.ts'
import {UsageError} from '../errors.ts'
import {addressesToTry} from './addresses.ts'
import {explainPort} from './explain.ts'
import {lookAtPort, withProtections} from './port-picture.ts'
import {explainPath} from './unix-socket.ts'

export interface WhyOptions {
  /** The address to bind, or a name that stands for some; by default the wildcards and loopback. */
  host?: string | undefined
}

/**
 * Why a port, or the path of a Unix socket, can or cannot be bound now, until when, and what to do.
 * @returns the document that `rebind why --json` prints
 * @throws UsageError for a port or host that is invalid
 */
export function why(target: number, options?: WhyOptions): Promise<WhyPort>
export function why(target: string): Promise<WhyPath>
export async function why(target: number | string, options: WhyOptions = {}) {
  return typeof target === 'string' ? whyPath(target) : whyPort(target, options)
}

/** @throws Error if the port can neither be seen nor tried */
export async function whyPort(port: number, {host: address}: WhyOptions): Promise<WhyPort> {
  assertPort(port)
  const {platform, settings, host} = await readMachine()
  const addresses = await addressesToTry(address)
  return explainPort(withProtections(await lookAtPort(port, addresses, platform, settings)), host)
}

export async function whyPath(path: string): Promise<WhyPath> {
  const {platform, host} = await readMachine()
  return explainPath(path, platform, host)
}

/** @throws UsageError for what is not a TCP port */
export function assertPort(port: number): void {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new UsageError(`${port} is not a port; use a number from 1 to 65535`)
  }
}
