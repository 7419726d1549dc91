import {existsSync} from 'node:fs'
import {CannotBoot, pathOf} from './programs.ts'
import type {System} from './systems.ts'

/** A program or file of the machine that this runs on, and the package of Debian and Ubuntu that has it. */
interface Tool {
  name: string
  package: string
}

export const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

const forPackages: readonly Tool[] = [
  {name: 'apt-get', package: 'apt'},
  {name: 'dpkg-deb', package: 'dpkg'},
  {name: keyring, package: 'debian-archive-keyring'},
]

/** What the guest gets from here, because the scenarios use it. */
export const guestPrograms: readonly Tool[] = [
  {name: 'nft', package: 'nftables'},
  {name: 'unshare', package: 'util-linux'},
  {name: 'nsenter', package: 'util-linux'},
  {name: 'setpriv', package: 'util-linux'},
]

const forEach: readonly Tool[] = [
  {name: 'tar', package: 'tar'},
  {name: 'setpriv', package: 'util-linux'},
]

const forBooting: readonly Tool[] = [
  {name: 'qemu-system-x86_64', package: 'qemu-system-x86'},
  {name: 'ldd', package: 'libc-bin'},
  {name: 'xz', package: 'xz-utils'},
  ...guestPrograms,
]

const tools: Readonly<Record<System['kind'], readonly Tool[]>> = {
  kernel: [...forEach, ...forPackages, ...forBooting],
  own: [...forEach, ...forPackages, ...forBooting],
  gvisor: [...forEach, ...forPackages],
  here: [...forEach, ...guestPrograms],
}

/**
 * Looks for everything that the systems take, before anything is fetched.
 * @throws CannotBoot that names all that is missing, with the packages
 */
export function proveTools(systems: readonly Pick<System, 'kind'>[], isThere = isInstalled): void {
  const needed = systems.flatMap(({kind}) => tools[kind])
  const missing = needed.filter(({name}) => !isThere(name))
  if (missing.length === 0) return
  const [names, packages] = [missing.map(({name}) => name), missing.map((tool) => tool.package)]
  const once = (words: readonly string[], between: string) => [...new Set(words)].join(between)
  throw new CannotBoot(
    `${once(names, ', ')} not found; install what has it (apt-get install --no-install-recommends ${once(packages, ' ')})`,
  )
}

function isInstalled(name: string): boolean {
  return name.startsWith('/') ? existsSync(name) : pathOf(name) !== undefined
}
