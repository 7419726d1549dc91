import {createWriteStream} from 'node:fs'
import {readdir, readFile, realpath} from 'node:fs/promises'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {cpioOf, type Entry} from './cpio.ts'
import type {Kit} from './kit.ts'
import type {KernelModule} from './modules.ts'
import {outputOf, pathOf} from './programs.ts'
import {guestPrograms} from './tools.ts'

const executable = 0o755

/** What a program of ours, or the C library under it, looks for. */
const configuration: readonly Entry[] = [
  {path: 'etc/hosts', bytes: '127.0.0.1 localhost\n::1 localhost\n'},
  {path: 'etc/passwd', bytes: 'root:x:0:0:root:/root:/bin/sh\n'},
  {path: 'etc/group', bytes: 'root:x:0:\n'},
  {path: 'etc/protocols', bytes: 'ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\n'},
]

/** What every guest starts with: a shell with the tools of its own, and what it runs. */
export function bareEntries(busybox: Buffer, init: string): Entry[] {
  return [
    {path: 'bin/busybox', mode: executable, bytes: busybox},
    {path: 'init', mode: executable, bytes: init},
  ]
}

/** Modules that `init` loads, by a name that sorts as they have to be loaded. */
export function moduleEntries(modules: readonly KernelModule[]): Entry[] {
  return modules.map(({name, bytes}, index) => ({
    path: `modules/${String(index).padStart(2, '0')}-${name}.ko`,
    bytes,
  }))
}

/** Node, the package, and the programs that scenarios use: the machine's own, with their libraries. */
export async function kitEntries({node, rebind}: Kit, signal: AbortSignal): Promise<Entry[]> {
  const programs = [...new Set(guestPrograms.flatMap(({name}) => pathOf(name) ?? []))]
  const libraries = new Set<string>()
  for (const program of [node, ...programs]) {
    const listed = await outputOf(['ldd', program], {signal})
    for (const [path] of listed.toString('utf8').matchAll(/(?<=\s)\/\S+(?= \()/g))
      libraries.add(path)
  }
  return [
    ...configuration,
    {path: 'usr/bin/node', mode: executable, bytes: await readFile(node)},
    ...(await Promise.all([...programs, ...libraries].map(entryOf))),
    ...(await folderEntries(rebind, 'rebind')),
  ]
}

/** The file at its own path, whatever links lead to it here. */
async function entryOf(path: string): Promise<Entry> {
  return {path: path.slice(1), mode: executable, bytes: await readFile(await realpath(path))}
}

async function folderEntries(folder: string, at: string): Promise<Entry[]> {
  const found = await readdir(folder, {recursive: true, withFileTypes: true})
  const files = found.filter((entry) => entry.isFile())
  return Promise.all(
    files.map(async ({parentPath, name}) => {
      const file = join(parentPath, name)
      return {path: join(at, file.slice(folder.length)), bytes: await readFile(file)}
    }),
  )
}

export async function writeInitramfs(file: string, entries: readonly Entry[]): Promise<void> {
  await pipeline(Readable.from(cpioOf(entries)), createWriteStream(file))
}
