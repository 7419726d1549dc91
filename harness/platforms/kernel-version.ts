import {readFileSync} from 'node:fs'
import {release} from 'node:os'

/**
 * The upstream version of the running Linux, e.g. `6.1.55`. Debian's `uname -r` does not have it (`6.1.0-13-amd64`), nor
 * has Ubuntu's.
 * @returns undefined where nothing shows it
 */
export function readKernelVersion(): string | undefined {
  return kernelVersion({
    release: release(),
    version: textOf('/proc/version'),
    signature: textOf('/proc/version_signature'),
  })
}

/** What a kernel says of itself: `uname -r`, /proc/version, and Ubuntu's /proc/version_signature. */
interface Told {
  release: string
  version: string
  signature: string
}

export function kernelVersion({release: name, version, signature}: Told): string | undefined {
  // What comes before the number of the build may name the version of Debian's compiler.
  const [, debian] = / #\d+ .*\bDebian (\d+\.\d+(?:\.\d+)?)[~-]/.exec(version) ?? []
  const [, ubuntu] = /^Ubuntu .* (\d+\.\d+\.\d+)$/m.exec(signature) ?? []
  return debian ?? ubuntu ?? releasedVersion(name)
}

/**
 * The upstream version in a release. Distributions that name a whole series of kernels after its first one add a hyphen
 * and a number of their own.
 */
export function releasedVersion(release: string): string | undefined {
  if (/^\d+\.\d+\.0-\d/.test(release)) return undefined
  return /^\d+\.\d+(?:\.\d+)?/.exec(release)?.[0]
}

/** Whether a version lies between two others, or is one of them. */
export function isWithin(version: string, first: string, last: string): boolean {
  return compareVersions(version, first) >= 0 && compareVersions(version, last) <= 0
}

function compareVersions(a: string, b: string): number {
  const [ofA, ofB] = [a, b].map((version) => version.split('.').map(Number))
  const differing = [0, 1, 2].find((part) => (ofA?.[part] ?? 0) !== (ofB?.[part] ?? 0))
  return differing === undefined ? 0 : (ofA?.[differing] ?? 0) - (ofB?.[differing] ?? 0)
}

/** Empty where it cannot be read. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1').trim()
  } catch {
    return ''
  }
}
