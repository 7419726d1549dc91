import {readFileSync, readlinkSync} from 'node:fs'
import {runProgram} from '../platforms/run-program.ts'

/** They only list; a daemon that does not answer is not waited for. */
const limits = {seconds: 5, outputBytes: 1024 * 1024}

/** A container, as far as it is known, and the command that stops it. */
export interface Container {
  name: string
  stop: string
}

/** By which path a runtime's control groups begin, and what stops one of its containers. */
const groups: readonly [pattern: RegExp, runtime: string, stop: string][] = [
  [/docker[-/]([0-9a-f]{12})[0-9a-f]{52}/g, 'Docker', 'docker stop'],
  [/libpod[-/]([0-9a-f]{12})[0-9a-f]{52}/g, 'Podman', 'podman stop'],
  [/(?:cri-containerd|crio)[-/:]([0-9a-f]{12})[0-9a-f]{52}/g, 'Kubernetes', 'crictl stop'],
]

/** Whether a process sees other pids than we do: it is in a container or a sandbox. Linux only. */
export function isInOtherPidNamespace(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`) !== readlinkSync('/proc/self/ns/pid')
  } catch {
    return false
  }
}

/** The container that a process is in and we are not, by its control group (cgroups(7)). */
export function containerOf(pid: number): Container | undefined {
  try {
    const [text = '', own] = [pid, 'self'].map((each) =>
      readFileSync(`/proc/${each}/cgroup`, 'latin1'),
    )
    return containerIn(text, own)
  } catch {
    return undefined
  }
}

/**
 * From the text of /proc/PID/cgroup.
 * @param own the same of this process: a container in it is around both
 */
export function containerIn(text: string, own = ''): Container | undefined {
  for (const [pattern, runtime, stop] of groups) {
    const ids = [...text.matchAll(pattern)].map(([, id = '']) => id)
    const id = ids.find((each) => !own.includes(each))
    if (id !== undefined) return {name: `${id} (${runtime})`, stop: `${stop} ${id}`}
  }
  return undefined
}

/** The containers that publish a port, from the runtimes that are installed. */
export async function publishersOf(port: number): Promise<Container[]> {
  const found = await Promise.all(
    ['docker', 'podman'].map(async (program) => {
      const args = ['ps', '--format', '{{.Names}}\t{{.Ports}}']
      const {stdout} = await runProgram(program, args, process.env, limits).catch(() => ({
        stdout: '',
      }))
      return publishersIn(stdout, port).map((name) => ({name, stop: `${program} stop ${name}`}))
    }),
  )
  return found.flat()
}

/** From lines of a name and what it publishes: `web	0.0.0.0:8080->80/tcp, [::]:9000-9010->9000-9010/tcp`. */
export function publishersIn(text: string, port: number): string[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', ports = ''] = line.split('\t')
    const ranges = [...ports.matchAll(/:(\d+)(?:-(\d+))?->[\d-]+\/tcp/g)]
    const isPublished = ranges.some(
      ([, first, last = first]) => Number(first) <= port && port <= Number(last),
    )
    return isPublished && /^[\w.-]+$/.test(name) ? [name] : []
  })
}
