import {arch, cpus, platform as osName, release} from 'node:os'
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

/** @param label what the system is called, if it does not tell its version */
export async function readMachine(label?: string): Promise<Machine> {
  const platform = detectPlatform()
  const settings = await platform.readSettings()
  const host = describeHost(platform, settings)
  return {platform, settings, host: label === undefined ? host : {...host, label}}
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
    ...(isEmulated() ? {emulated: true as const} : {}),
    ci: ci.isCI ? (ci.name ?? 'unknown') : null,
  }
}

/** QEMU's own name for the processor that it emulates (target/i386/cpu.c: max_x86_cpu_initfn); KVM has the real one's. */
function isEmulated(): boolean {
  return cpus().some(({model}) => model.startsWith('QEMU TCG CPU'))
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
