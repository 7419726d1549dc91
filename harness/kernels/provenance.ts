import {version} from '../version.ts'
import type {Accelerator} from './boot.ts'
import {nodePackage} from './node-binary.ts'

/** A file that a system was made of. Versions leave Debian's suites; the hash says which one it was. */
export type Ingredient = {name: string; version: string; sha256: string}

/** How a system's documents were made. */
export interface Provenance {
  /** What measures it again, while the suites have these versions. */
  command: string
  recordedAt: string
  rebind: string
  system: string
  /** As the system tells it itself: /proc/version; null where it was not asked. */
  kernel: string | null
  ingredients: Ingredient[]
  node: typeof nodePackage
  /** Absent where no kernel was booted. */
  machine?: {qemu: string; accelerator: Accelerator}
}

export function provenanceOf(
  found: Pick<Provenance, 'system' | 'kernel' | 'ingredients' | 'machine'>,
  args: readonly string[],
): Provenance {
  return {
    command: ['npm', 'run', 'kernels', '--', ...args].join(' '),
    recordedAt: new Date().toISOString(),
    rebind: version,
    node: nodePackage,
    ...found,
  }
}
