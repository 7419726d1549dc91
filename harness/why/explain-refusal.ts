import {isIP} from 'node:net'
import {readMachine} from '../documents/host.ts'
import type {WhyPath, WhyPort} from '../documents/why-schema.ts'
import type {Address} from '../sockets/address.ts'
import {explainPort} from './explain.ts'
import {lookAtPort, withProtections} from './port-picture.ts'
import type {Refusal} from './refusal.ts'
import {explainPath} from './unix-socket.ts'

/** The answer of `rebind why` about it, for which no bind is tried: that could refuse the program's next one. */
export async function explainRefusal(refusal: Refusal): Promise<WhyPort | WhyPath> {
  const {platform, settings, host} = await readMachine()
  if ('path' in refusal) return explainPath(refusal.path, platform, host)
  const addresses = addressesOf(refusal.address)
  return explainPort(
    withProtections(await lookAtPort(refusal.port, addresses, platform, settings, refusal)),
    host,
  )
}

/** Nothing is looked up: a name other than localhost, and an address with a zone, may be any address. */
function addressesOf(address: string | null): Address[] {
  if (address === 'localhost') return ['127.0.0.1', '::1']
  // Without IPV6_V6ONLY, which hardly anybody sets, it is the wildcard of IPv4, too.
  if (address === '::') return ['dual']
  return address !== null && !address.includes('%') && isIP(address) !== 0
    ? [address]
    : ['0.0.0.0', 'dual']
}
