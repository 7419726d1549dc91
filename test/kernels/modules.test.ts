import {mkdirSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {gzipSync} from 'node:zlib'
import test, {type ExecutionContext} from 'ava'
import {moduleInfo, modulesFor} from '../../harness/kernels/modules.ts'
import {CannotBoot} from '../../harness/kernels/programs.ts'
import {temporaryFolder} from '../commands/cli.ts'

const {signal} = new AbortController()

/** As much of a module as is read of it. */
function moduleOf(info: Readonly<Record<string, string>>): Buffer {
  const fields = Object.entries(info).map(([name, value]) => `${name}=${value}\0`)
  return Buffer.from(`\x7fELF\0license=GPL\0${fields.join('')}\0`, 'latin1')
}

function folderOf(t: ExecutionContext, files: Readonly<Record<string, Buffer>>): string {
  const folder = temporaryFolder(t)
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), {recursive: true})
    writeFileSync(join(folder, path), bytes)
  }
  return folder
}

test('a module comes behind all that it depends on, each once', async (t) => {
  const folder = folderOf(t, {
    'kernel/net/netfilter/nf_tables.ko': moduleOf({depends: 'nfnetlink,libcrc32c'}),
    'kernel/net/netfilter/nft_limit.ko': moduleOf({depends: 'nf_tables'}),
    'kernel/net/netfilter/nfnetlink.ko': moduleOf({depends: ''}),
    'kernel/lib/libcrc32c.ko': moduleOf({depends: '', softdep: 'pre: crc32c-generic post: other'}),
    'kernel/crypto/crc32c-generic.ko': moduleOf({depends: ''}),
    'kernel/net/other.ko': moduleOf({depends: ''}),
  })
  const modules = await modulesFor(folder, ['nft_limit', 'nf_tables'], signal)
  t.deepEqual(
    modules.map(({name}) => name),
    ['nfnetlink', 'crc32c_generic', 'libcrc32c', 'nf_tables', 'nft_limit'],
  )
})

test('what has no file is part of the kernel, unless a module depends on it', async (t) => {
  const folder = folderOf(t, {'a.ko': moduleOf({depends: 'b'})})
  t.deepEqual(await modulesFor(folder, ['virtio_pci'], signal), [])
  const error = await t.throwsAsync(() => modulesFor(folder, ['a'], signal), {
    instanceOf: CannotBoot,
  })
  t.regex(error.message, /module b, on which a depends, is not in /)
})

test('compressed modules are loaded decompressed', async (t) => {
  const bytes = moduleOf({depends: ''})
  const folder = folderOf(t, {'a.ko.gz': gzipSync(bytes)})
  t.deepEqual(await modulesFor(folder, ['a'], signal), [{name: 'a', bytes}])
})

test('names are read as modprobe reads them', (t) => {
  const info = moduleInfo(moduleOf({depends: 'virtio-ring,virtio', softdep: 'pre: a-b c'}))
  t.deepEqual(info, {depends: ['virtio_ring', 'virtio'], before: ['a_b', 'c']})
})
