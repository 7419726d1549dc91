/** A real kernel in QEMU: what becomes of a guest that measures, and of those that do not get so far. */
import {mkdirSync} from 'node:fs'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {boot} from '../../harness/kernels/boot.ts'
import {initThatEnds} from '../../harness/kernels/init.ts'
import {bareEntries, writeInitramfs} from '../../harness/kernels/initramfs.ts'
import {fetchBusybox, fetchKernel, measureKernel} from '../../harness/kernels/kernel.ts'
import {makeKit} from '../../harness/kernels/kit.ts'
import {checked} from '../../harness/kernels/results.ts'
import {cacheFolder} from '../../harness/kernels/scratch.ts'
import {missingProgram, temporaryFolder} from '../commands/cli.ts'
import {needs} from '../needs.ts'

const problem =
  process.env.REBIND_BOOT === undefined
    ? 'booting a kernel is not asked for (npm run test:boot)'
    : missingProgram('qemu-system-x86_64')
// One guest at a time: each takes two cores.
const testBoot = needs(problem, test.serial)

const {signal} = new AbortController()
const cache = cacheFolder()
const suites = ['bookworm']

async function surroundings(t: ExecutionContext) {
  const folder = temporaryFolder(t)
  const kit = {node: '', rebind: ''}
  return {folder, cache, kit, signal, tell: (text: string) => t.log(text)}
}

/** Boots a guest whose first process is this script. */
async function bootWith(t: ExecutionContext, init: string, limitSeconds = 300) {
  const around = await surroundings(t)
  const {image: kernel} = await fetchKernel(suites, around)
  const {folder} = around
  const initramfs = join(folder, 'initramfs.cpio')
  await writeInitramfs(initramfs, bareEntries(await fetchBusybox(around), init))
  return boot({kernel, initramfs, folder, accelerator: 'tcg', limitSeconds}, signal)
}

testBoot('a guest that says that it is done, and powers off, is done', async (t) => {
  t.is((await bootWith(t, initThatEnds)).end, 'done')
})

testBoot('a guest that panics says so, whatever it said before', async (t) => {
  const {end, lines} = await bootWith(t, initThatEnds.replace(/\n[^\n]*poweroff -f\n/, '\n'))
  t.is(end, 'panic', lines.join('\n'))
})

testBoot('a guest that powers off before it is done has ended early', async (t) => {
  t.is((await bootWith(t, initThatEnds.replace(/echo .*/, ''))).end, 'early')
})

testBoot('a guest that goes on is ended at the limit', async (t) => {
  const {end} = await bootWith(t, initThatEnds.replace(/echo .*/, 'while :; do :; done'), 20)
  t.is(end, 'late')
})

testBoot(
  'what is measured in a guest comes out of it, and says that the machine was emulated',
  async (t) => {
    const around = await surroundings(t)
    const folder = join(around.folder, 'kernel')
    mkdirSync(folder)
    const kit = await makeKit({cache, folder: join(around.folder, 'kit'), signal})
    const measured = await measureKernel(
      await fetchKernel(suites, {...around, folder}),
      {...around, folder, kit},
      [{document: 'matrix', args: ['matrix', '--residue', 'TIME_WAIT', '--address', '127.0.0.1']}],
    )
    const {host, status} = checked(measured.printed)
    t.is(status, 0)
    t.regex(host.release, /^6\.1\.0-/)
    t.is(host.emulated === true, measured.machine?.accelerator === 'tcg')
    t.regex(measured.kernel ?? '', /^Linux version 6\.1\.0-/)
    t.deepEqual(
      measured.ingredients.map(({name}) => name.replace(/6\.1\.0-\d+/, '6.1.0-N')),
      ['linux-image-6.1.0-N-cloud-amd64'],
    )
  },
)
