/** Kernel modules: which files a module needs, and in which order they are loaded. */
import {readdirSync} from 'node:fs'
import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {gunzipSync} from 'node:zlib'
import {CannotBoot, outputOf} from './programs.ts'

/**
 * What the guest needs, where it is not part of the kernel itself: the way out for the results, packets that can
 * be dropped, and the socket tables that are asked by netlink.
 */
export const neededModules: readonly string[] = [
  ...['virtio_pci', 'virtio_console'],
  // libcrc32c asks for an algorithm of this name, which modprobe would find by an alias.
  ...['crc32c_generic', 'nf_tables', 'nft_limit', 'nft_counter'],
  // Counters with a name are objects, which are a module of their own before 5.17 or so.
  'nft_objref',
  ...['inet_diag', 'tcp_diag', 'unix_diag', 'af_packet'],
]

export interface KernelModule {
  name: string
  /** Decompressed. */
  bytes: Buffer
}

/** Kernel and depends= write `_` where a file's name may have `-`. */
const nameOf = (text: string) => text.replaceAll('-', '_')

/**
 * The modules with all that they depend on, each behind what it needs.
 * @param folder with the modules of one kernel, at any depth
 * @param wanted names; one that has no file is part of the kernel, or the kernel has none of it
 * @throws CannotBoot if a module depends on one that is not there
 */
export async function modulesFor(
  folder: string,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<KernelModule[]> {
  const files = moduleFiles(folder)
  const loaded = new Map<string, KernelModule>()
  const load = async (name: string, of?: string): Promise<void> => {
    if (loaded.has(name)) return
    const file = files.get(name)
    if (file === undefined) {
      if (of === undefined) return
      throw new CannotBoot(`module ${name}, on which ${of} depends, is not in ${folder}`)
    }
    const bytes = await decompressed(file, signal)
    const {depends, before} = moduleInfo(bytes)
    for (const each of before) await load(each)
    for (const each of depends) await load(each, name)
    loaded.set(name, {name, bytes})
  }
  for (const name of wanted) await load(name)
  return [...loaded.values()]
}

function moduleFiles(folder: string): Map<string, string> {
  const files = new Map<string, string>()
  for (const path of readdirSync(folder, {recursive: true, encoding: 'utf8'})) {
    const [, name] = /([^/]+)\.ko(?:\.(?:xz|zst|gz))?$/.exec(path) ?? []
    if (name !== undefined) files.set(nameOf(name), join(folder, path))
  }
  return files
}

/** From the section .modinfo, which is `name=value` with a NUL behind each (include/linux/moduleparam.h). */
export function moduleInfo(bytes: Buffer): {depends: string[]; before: string[]} {
  const text = bytes.toString('latin1')
  const values = (name: string) =>
    [...text.matchAll(new RegExp(`\\0${name}=([^\\0]*)\\0`, 'g'))].map(([, value = '']) => value)
  const words = (value: string, separator: RegExp) =>
    value.split(separator).filter(Boolean).map(nameOf)
  const soft = values('softdep').map((value) => /(?:^|\s)pre:(.*?)(?:\s\w+:|$)/.exec(value)?.[1])
  return {
    depends: values('depends').flatMap((value) => words(value, /,/)),
    before: soft.flatMap((value = '') => words(value, /\s+/)),
  }
}

async function decompressed(file: string, signal: AbortSignal): Promise<Buffer> {
  if (file.endsWith('.xz')) return outputOf(['xz', '-dc', file], {signal})
  if (file.endsWith('.zst')) return outputOf(['zstd', '-dc', file], {signal})
  const bytes = await readFile(file)
  return file.endsWith('.gz') ? gunzipSync(bytes) : bytes
}
