import {accessSync, constants} from 'node:fs'
import {join} from 'node:path'
import {type Accelerator, boot} from './boot.ts'
import {initThatEnds} from './init.ts'
import {bareEntries, writeInitramfs} from './initramfs.ts'

const device = '/dev/kvm'
/** A kernel boots within a second or two under KVM. */
const limitSeconds = 30

/** KVM if a guest boots with it: the device may be there and not work, e.g. in a virtual machine. */
export async function provenAccelerator(
  options: {kernel: string; busybox: Buffer; folder: string},
  signal: AbortSignal,
): Promise<Accelerator> {
  const {kernel, busybox, folder} = options
  try {
    accessSync(device, constants.R_OK | constants.W_OK)
  } catch {
    return 'tcg'
  }
  const initramfs = join(folder, 'proof.cpio')
  await writeInitramfs(initramfs, bareEntries(busybox, initThatEnds))
  const {end} = await boot({kernel, initramfs, folder, accelerator: 'kvm', limitSeconds}, signal)
  return end === 'done' ? 'kvm' : 'tcg'
}
