import {arch, platform as osName, release} from 'node:os'
import ci from 'ci-info'
import type {Host} from '../reports/schema.ts'
import type {Platform, Settings} from './platform.ts'

/** The machine that a report was measured on. */
export function describeHost({stack}: Platform, settings: Settings): Host {
  return {
    os: osName(),
    stack,
    release: release(),
    arch: arch(),
    node: process.versions.node,
    libuv: process.versions.uv ?? '',
    settings,
    ci: ci.isCI ? (ci.name ?? 'unknown') : null,
  }
}
