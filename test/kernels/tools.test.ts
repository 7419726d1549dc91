import test from 'ava'
import {CannotBoot} from '../../harness/kernels/programs.ts'
import {proveTools} from '../../harness/kernels/tools.ts'

const complaint = (kind: 'kernel' | 'gvisor' | 'here', ...missing: string[]) => {
  try {
    proveTools([{kind}], (name) => !missing.includes(name))
  } catch (error) {
    return error instanceof CannotBoot ? error.message : String(error)
  }
  return undefined
}

test('every missing tool is named at once, with what installs it', (t) => {
  t.is(
    complaint('kernel', 'qemu-system-x86_64', 'nft', 'unshare', 'nsenter'),
    'qemu-system-x86_64, nft, unshare, nsenter not found; install what has it (apt-get install --no-install-recommends qemu-system-x86 nftables util-linux)',
  )
})

test('what a system does not take may be missing', (t) => {
  t.is(complaint('gvisor', 'qemu-system-x86_64', 'ldd'), undefined)
  t.is(complaint('here', 'qemu-system-x86_64', 'apt-get'), undefined)
  t.regex(complaint('gvisor', 'apt-get') ?? '', /^apt-get not found/)
})
