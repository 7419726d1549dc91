import {nameOf, versionOf} from '../compare/sides.ts'
import {groupBy} from '../group-by.ts'
import type {HostFields} from './documents.ts'

interface Hosted {
  host: HostFields
}

/** What each system is called, by its runs: in their order in time. */
export function systemsOf<Run extends Hosted>(runs: readonly Run[]): Map<Run, string> {
  const systems = new Map<Run, string>()
  for (const [name, own] of groupBy(runs, machineOf)) {
    for (const [version, ofVersion] of apart(name, own, ({host}) => versionOf(host))) {
      const node = ({host}: Run) => `Node ${host.node.split('.')[0]}`
      for (const [system, each] of apart(version, ofVersion, node)) {
        for (const run of each) systems.set(run, system)
      }
    }
  }
  return systems
}

/** `Linux x64`: whatever its version, which changes over time. */
function machineOf({host}: Hosted): string {
  return `${nameOf(host)} ${host.arch}${host.emulated === true ? ', emulated' : ''}`
}

/** Which kernel answers: of Linux `6.18`, because it changes what it does between such versions only, or says so. */
export function kernelOf(run: Hosted): string {
  return `${machineOf(run)} ${versionOf(run.host)}`
}

/**
 * The runs of each version, if several are in use at the same time, as on the machines of a CI; all together if one
 * came after the other, as on a machine that is upgraded.
 */
function apart<Run>(
  name: string,
  runs: readonly Run[],
  versionOfRun: (run: Run) => string,
): [name: string, runs: readonly Run[]][] {
  const versions = runs.map(versionOfRun)
  const changes = versions.filter((version, index) => index > 0 && version !== versions[index - 1])
  // Each upgrade is one change; it may have been tried before, and a document may come from elsewhere.
  if (changes.length <= 2 * new Set(versions).size) return [[name, runs]]
  return [...groupBy(runs, versionOfRun)].map(([version, own]) => [`${name}, ${version}`, own])
}
