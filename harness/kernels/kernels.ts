import {mkdir, rm} from 'node:fs/promises'
import {join} from 'node:path'
import type {Host} from '../documents/report-schema.ts'
import {exitStatus} from '../errors.ts'
import {measureGvisor} from './gvisor.ts'
import {fetchKernel, measureKernel, ownKernel} from './kernel.ts'
import {type Kit, makeKit} from './kit.ts'
import {play} from './play.ts'
import {CannotBoot} from './programs.ts'
import {provenanceOf} from './provenance.ts'
import {checked, record} from './results.ts'
import {openScratch} from './scratch.ts'
import type {Measured, Surroundings} from './surroundings.ts'
import type {System} from './systems.ts'
import {proveTools} from './tools.ts'

export interface KernelsOptions {
  systems: readonly System[]
  /** Gets a folder per system. */
  out: string
  cache: string
  /** As it was typed, without the program's name. */
  command: readonly string[]
  signal: AbortSignal
  tell(text: string): void
}

/**
 * Measures each system with this checkout and writes what came of it; a system that cannot be measured is reported, and
 * keeps no other from it.
 * @returns the exit status
 * @throws CannotBoot if a tool is missing, or what all of them take cannot be made; the signal's reason
 */
export async function measureSystems(options: KernelsOptions): Promise<number> {
  const {systems, cache, signal, tell} = options
  proveTools(systems)
  const scratch = openScratch(cache)
  tell('building this checkout')
  const kit = await makeKit({cache, folder: join(scratch, 'kit'), signal})
  const statuses: number[] = []
  for (const system of systems) {
    const folder = join(scratch, system.name)
    try {
      statuses.push(await measureSystem(system, {...options, kit, folder}))
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof CannotBoot)) throw error
      tell(`${system.name}: ${error.message}`)
      statuses.push(exitStatus.failed)
    } finally {
      await rm(folder, {recursive: true, force: true})
    }
  }
  // What differs from the rules weighs more than what could not be measured.
  return statuses.find((status) => status === exitStatus.unexpected) ?? Math.max(...statuses)
}

async function measureSystem(
  system: System,
  {folder, kit, ...options}: KernelsOptions & {folder: string; kit: Kit},
): Promise<number> {
  const {out, command, tell} = options
  const say = (text: string) => tell(`${system.name}: ${text}`)
  await mkdir(folder, {recursive: true})
  const {printed, ...found} = await measured(system, {...options, kit, folder, tell: say})
  const results = checked(printed)
  const provenance = provenanceOf({system: system.name, ...found}, command)
  const written = await record(out, nameOf(system, results.host), results, provenance)
  say(`${results.status === 0 ? 'all as expected' : 'NOT all as expected'}; ${written}`)
  return results.status
}

async function measured(system: System, surroundings: Surroundings): Promise<Measured> {
  const {folder} = surroundings
  surroundings.tell(system.title)
  switch (system.kind) {
    case 'kernel':
      return measureKernel(await fetchKernel(system.suites, surroundings), surroundings)
    case 'own':
      return measureKernel(await ownKernel(system.image, system.modules), surroundings)
    case 'gvisor':
      return measureGvisor(system.suites, surroundings)
    case 'here': {
      const printed = await play({...surroundings, folder: join(folder, 'results')})
      return {printed, kernel: null, ingredients: []}
    }
  }
}

/** A kernel is called by its version, whatever it was asked for by; gVisor tells none. */
function nameOf({kind, name}: System, {stack, release}: Host): string {
  return kind === 'gvisor' ? name : `${stack}-${/^\d+\.\d+/.exec(release)?.[0] ?? release}`
}
