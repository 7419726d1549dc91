import {createHash} from 'node:crypto'
import {mkdir, readdir, readFile} from 'node:fs/promises'
import {basename, join} from 'node:path'
import {provenAccelerator} from './accelerator.ts'
import {boot, type Guest} from './boot.ts'
import type {Entry} from './cpio.ts'
import {fetchPackages, unpack} from './debian.ts'
import {initThatMeasures} from './init.ts'
import {bareEntries, kitEntries, moduleEntries, writeInitramfs} from './initramfs.ts'
import {type Measurement, measurements} from './measurements.ts'
import {modulesFor, neededModules} from './modules.ts'
import {CannotBoot, outputOf} from './programs.ts'
import type {Ingredient} from './provenance.ts'
import {readPrinted} from './results.ts'
import type {Measured, Surroundings} from './surroundings.ts'

/** A kernel, and the folder of its modules. */
export interface KernelFiles {
  image: string
  modules: string
  ingredients: Ingredient[]
}

const limitSeconds = 1800
/** The kernel of a virtual machine, its parts from 7.0 on, and its configuration. */
const kernelPackages = /^linux-(image|binary|modules|base)-\d/

/** The kernel of Debian for virtual machines, the highest version of these suites. */
export async function fetchKernel(
  suites: readonly string[],
  {cache, folder, signal}: Surroundings,
): Promise<KernelFiles> {
  const name = 'linux-image-cloud-amd64'
  const packages = await fetchPackages({name, suites, wanted: kernelPackages, cache, signal})
  const unpacked = join(folder, 'kernel')
  await unpack(packages, unpacked, signal)
  const found = await readdir(unpacked, {recursive: true})
  const image = found.find((path) => /(^|\/)vmlinuz[^/]*$/.test(path))
  const modules = found.find((path) => /^(usr\/)?lib\/modules\/[^/]+$/.test(path))
  if (image === undefined || modules === undefined) {
    throw new CannotBoot(`${packages.map((each) => each.name).join(', ')} have no kernel`)
  }
  return {
    image: join(unpacked, image),
    modules: join(unpacked, modules),
    ingredients: packages.map(({name, version, sha256}) => ({name, version, sha256})),
  }
}

/** Somebody's own kernel. */
export async function ownKernel(image: string, modules: string): Promise<KernelFiles> {
  const sha256 = createHash('sha256')
    .update(await readFile(image))
    .digest('hex')
  return {
    image,
    modules,
    ingredients: [{name: basename(image), version: basename(modules), sha256}],
  }
}

/** Boots a kernel and measures in it. */
export async function measureKernel(
  kernel: KernelFiles,
  surroundings: Surroundings,
  wanted: readonly Measurement[] = measurements,
): Promise<Measured> {
  const {folder, kit, signal, tell} = surroundings
  const busybox = await fetchBusybox(surroundings)
  const initramfs = join(folder, 'initramfs.cpio')
  await writeInitramfs(initramfs, [
    ...bareEntries(busybox, initThatMeasures(wanted)),
    ...(await configurationOf(kernel.modules)),
    ...moduleEntries(await modulesFor(kernel.modules, neededModules, signal)),
    ...(await kitEntries(kit, signal)),
  ])
  const accelerator = await provenAccelerator({kernel: kernel.image, busybox, folder}, signal)
  tell(accelerator === 'kvm' ? 'boots under KVM' : 'boots in emulation: KVM does not work here')
  await bootUntilDone(
    {kernel: kernel.image, initramfs, folder, accelerator, limitSeconds},
    surroundings,
  )
  const results = join(folder, 'results')
  await mkdir(results, {recursive: true})
  await outputOf(['tar', '-xf', 'results.tar', '-C', results], {signal, cwd: folder})
  return {
    printed: await Promise.all(wanted.map((each) => readPrinted(results, each.document))),
    kernel: (await readFile(join(results, 'version'), 'utf8')).trim(),
    ingredients: kernel.ingredients,
    machine: {qemu: await qemuVersion(signal), accelerator},
  }
}

/** A guest that panics is booted once more: under emulation, one of nine boots did. */
async function bootUntilDone(guest: Guest, {signal, tell}: Surroundings): Promise<void> {
  const first = await boot(guest, signal, tell)
  if (first.end === 'panic') tell('the guest panicked and is booted once more')
  const {end, lines} = first.end === 'panic' ? await boot(guest, signal, tell) : first
  if (end === 'done') return
  const what = {
    panic: 'the guest panicked again',
    early: 'the guest ended before it had measured everything',
    late: `the guest was not done within ${limitSeconds} s`,
  }[end]
  throw new CannotBoot([`${what}; its last lines:`, ...lines].join('\n'))
}

export async function fetchBusybox({cache, folder, signal}: Surroundings): Promise<Buffer> {
  const name = 'busybox-static'
  const packages = await fetchPackages({
    ...{name, suites: ['bookworm'], wanted: /^busybox-static$/},
    ...{cache, signal},
  })
  const unpacked = join(folder, 'busybox')
  await unpack(packages, unpacked, signal)
  const found = await readdir(unpacked, {recursive: true})
  const path = found.find((path) => /^(usr\/)?bin\/busybox$/.test(path))
  if (path === undefined) throw new CannotBoot(`${name} has no busybox`)
  return readFile(join(unpacked, path))
}

/** Where rebind reads the tick rate of a kernel. */
export async function configurationOf(modules: string): Promise<Entry[]> {
  const release = basename(modules)
  // lib/modules is in the root of older packages, and below usr/ of later ones.
  const beside = [
    join(modules, 'config'),
    ...['../../..', '../../../..'].map((root) => join(modules, root, 'boot', `config-${release}`)),
  ]
  for (const file of beside) {
    const bytes = await readFile(file).catch(() => undefined)
    if (bytes !== undefined) return [{path: `boot/config-${release}`, bytes}]
  }
  return []
}

async function qemuVersion(signal: AbortSignal): Promise<string> {
  const output = await outputOf(['qemu-system-x86_64', '--version'], {signal})
  return output.toString('utf8').split('\n')[0] ?? ''
}
