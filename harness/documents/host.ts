import {arch, platform as osName, release} from 'node:os'
import ci from 'ci-info'
import {detectPlatform} from '../platforms/detect.ts'
import {readKernelVersion, releasedVersion} from '../platforms/kernel-version.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import type {Host} from './report-schema.ts'

/** This machine. */
export interface Machine {
  platform: Platform
  settings: Settings
  host: Host
}

export async function readMachine(): Promise<Machine> {
  const platform = detectPlatform()
  const settings = await platform.readSettings()
  return {platform, settings, host: describeHost(platform, settings)}
}

/** The machine that a report was measured on. */
export function describeHost({stack}: Platform, settings: Settings): Host {
  const kernel = stack === 'linux' ? readKernelVersion() : undefined
  return {
    os: osName(),
    stack,
    release: release(),
    ...(kernel === undefined ? {} : {kernel}),
    arch: arch(),
    node: process.versions.node,
    libuv: process.versions.uv ?? '',
    settings,
    ci: ci.isCI ? (ci.name ?? 'unknown') : null,
  }
}

/** The upstream version of a host's kernel; earlier releases recorded only what `uname -r` prints. */
export function kernelOf({stack, kernel, release}: Host): string | undefined {
  return stack === 'linux' ? (kernel ?? releasedVersion(release)) : undefined
}

/** No machine at all: a platform as its rules describe it, from whatever machine they are asked. */
export function describePlatform({stack, rules}: Platform): Host {
  return {
    os: stack === 'darwin' ? 'darwin' : 'linux',
    stack,
    release: rules?.version ?? '-',
    arch: '-',
    node: '-',
    libuv: '-',
    settings: {},
    ci: null,
  }
}
