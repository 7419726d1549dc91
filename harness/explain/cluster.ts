import type {Cluster} from 'node:cluster'

/** Loaded when it is asked for: not every program that listens has loaded it. */
export function cluster(): Cluster {
  return process.getBuiltinModule('node:cluster') as unknown as Cluster
}
