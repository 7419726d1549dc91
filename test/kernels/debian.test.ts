/** Packages of an archive made here, signed with a key made here, and what apt says of one that was changed. */
import {execFileSync} from 'node:child_process'
import {createHash} from 'node:crypto'
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import {join} from 'node:path'
import type {ExecutionContext} from 'ava'
import {type Archive, fetchPackages, listedPackages, unpack} from '../../harness/kernels/debian.ts'
import {CannotBoot} from '../../harness/kernels/programs.ts'
import {missingProgram, temporaryFolder} from '../commands/cli.ts'
import {needs} from '../needs.ts'

const test = needs(
  ['apt-get', 'dpkg-deb', 'gpg'].map((name) => missingProgram(name)).find((problem) => problem),
)
const {signal} = new AbortController()
const suite = 'testing'

interface Made extends Archive {
  folder: string
  home: string
}

const sha256 = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex')

/** An archive with linux-image-cloud-amd64, which depends on linux-image-6.1.0-1-cloud-amd64. */
function makeArchive(t: ExecutionContext): Made {
  const folder = temporaryFolder(t)
  const home = join(folder, 'gnupg')
  mkdirSync(home, {mode: 0o700})
  gpg(home, '--passphrase', '', '--quick-gen-key', 'archive@example.org', 'ed25519', 'sign')
  t.teardown(() => execFileSync('gpgconf', ['--homedir', home, '--kill', 'all']))
  const keyring = join(folder, 'keyring.gpg')
  gpg(home, '--output', keyring, '--export')
  mkdirSync(join(folder, 'pool'))
  const packages = [
    packageOf(folder, 'linux-image-6.1.0-1-cloud-amd64', '6.1.176-1', 'libc6'),
    packageOf(folder, 'linux-image-cloud-amd64', '6.1.176-1', 'linux-image-6.1.0-1-cloud-amd64'),
    packageOf(folder, 'libc6', '1:2.36-1'),
  ]
  mkdirSync(join(folder, 'dists', suite, 'main', 'binary-amd64'), {recursive: true})
  writeFileSync(join(folder, index), packages.join('\n'))
  const made = {folder, home, keyring, mirror: `copy:${folder}`}
  sign(made)
  return made
}

const index = join('dists', suite, 'main', 'binary-amd64', 'Packages')

function gpg(home: string, ...args: string[]): void {
  execFileSync('gpg', ['--homedir', home, '--batch', '--yes', '--quiet', ...args], {
    stdio: 'ignore',
  })
}

/** Makes a .deb in the pool. @returns its paragraph of the index */
function packageOf(folder: string, name: string, version: string, depends?: string): string {
  const tree = join(folder, 'tree')
  mkdirSync(join(tree, 'DEBIAN'), {recursive: true})
  mkdirSync(join(tree, 'boot'), {recursive: true})
  writeFileSync(join(tree, 'boot', `vmlinuz-${name}`), name)
  const control = [
    ...[`Package: ${name}`, `Version: ${version}`, 'Architecture: amd64'],
    ...['Maintainer: Nobody <nobody@example.org>', 'Description: a test'],
    ...(depends === undefined ? [] : [`Depends: ${depends}`]),
  ].join('\n')
  writeFileSync(join(tree, 'DEBIAN', 'control'), `${control}\n`)
  const path = join('pool', `${name}_${version.replace(/^\d+:/, '')}_amd64.deb`)
  const file = join(folder, path)
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', tree, file], {stdio: 'ignore'})
  rmSync(tree, {recursive: true})
  const size = readFileSync(file).length
  return `${control}\nFilename: ${path}\nSize: ${size}\nSHA256: ${sha256(file)}\n`
}

/** Writes what vouches for the index as it is now. */
function sign({folder, home}: Made): void {
  const bytes = readFileSync(join(folder, index))
  const entry = `${createHash('sha256').update(bytes).digest('hex')} ${bytes.length} main/binary-amd64/Packages`
  const release = join(folder, 'dists', suite, 'Release')
  const fields = [
    ...['Origin: Test', `Suite: ${suite}`, `Codename: ${suite}`, 'Architectures: amd64'],
    ...['Components: main', `Date: ${new Date().toUTCString()}`, `SHA256:\n ${entry}`],
  ]
  writeFileSync(release, `${fields.join('\n')}\n`)
  gpg(home, '--output', join(folder, 'dists', suite, 'InRelease'), '--clearsign', release)
}

function fetchFrom(archive: Archive, cache: string) {
  const name = 'linux-image-cloud-amd64'
  const wanted = /^linux-image-\d/
  return fetchPackages({name, suites: [suite], wanted, cache, signal}, archive)
}

async function refusal(t: ExecutionContext, archive: Archive): Promise<string> {
  const error = await t.throwsAsync(fetchFrom(archive, temporaryFolder(t)), {
    instanceOf: CannotBoot,
  })
  return error?.message ?? ''
}

test('a kernel is found by what its package depends on, and unpacked without being installed', async (t) => {
  const archive = makeArchive(t)
  const cache = temporaryFolder(t)
  const packages = await fetchFrom(archive, cache)
  t.deepEqual(
    packages.map(({name, version}) => [name, version]),
    [['linux-image-6.1.0-1-cloud-amd64', '6.1.176-1']],
  )
  const folder = join(cache, 'kernel')
  await unpack(packages, folder, signal)
  t.true(existsSync(join(folder, 'boot', 'vmlinuz-linux-image-6.1.0-1-cloud-amd64')))
})

test('a package in the cache is used as it is, and fetched again if it was changed', async (t) => {
  const archive = makeArchive(t)
  const cache = temporaryFolder(t)
  const [found] = await fetchFrom(archive, cache)
  const file = found?.file ?? ''
  appendFileSync(file, 'changed')
  await fetchFrom(archive, cache)
  t.is(sha256(file), found?.sha256 ?? '')
  rmSync(join(archive.folder, 'pool'), {recursive: true})
  t.is((await fetchFrom(archive, cache))[0]?.file, file)
})

test('a package that is not what the index says is refused', async (t) => {
  const archive = makeArchive(t)
  const file = join(archive.folder, 'pool', 'linux-image-6.1.0-1-cloud-amd64_6.1.176-1_amd64.deb')
  const bytes = readFileSync(file)
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  writeFileSync(file, bytes)
  t.regex(await refusal(t, archive), /Hash Sum mismatch/)
})

test('an index that is not what was signed is refused', async (t) => {
  const archive = makeArchive(t)
  const file = join(archive.folder, index)
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('6.1.176-1', '6.1.177-1'))
  t.regex(await refusal(t, archive), /Hash Sum mismatch|unexpected size/)
})

test('a signature that was changed, or is missing, is refused', async (t) => {
  const archive = makeArchive(t)
  const file = join(archive.folder, 'dists', suite, 'InRelease')
  writeFileSync(file, readFileSync(file, 'utf8').replace('Origin: Test', 'Origin: Text'))
  t.regex(await refusal(t, archive), /BADSIG|bad signature|not signed|Signature/i)
  rmSync(file)
  t.regex(await refusal(t, archive), /not signed/)
})

test('a signature by a key that is not in the keyring is refused', async (t) => {
  const archive = makeArchive(t)
  const other = makeArchive(t)
  copyFileSync(other.keyring, archive.keyring)
  t.regex(await refusal(t, archive), /NO_PUBKEY|not signed|public key|Missing key/i)
})

needs(undefined)('what apt lists is read with its version and its hash', (t) => {
  const hash = 'ab'.repeat(32)
  const text = [
    `'http://deb.debian.org/debian/pool/b/busybox-static_1.35_amd64.deb' busybox-static_1%3a1.35.0-4+deb12u1_amd64.deb 928188 SHA256:${hash}`,
    "'http://deb.debian.org/debian/pool/l/linux-base_4.6_all.deb' linux-base_4.6_all.deb 32384 MD5Sum:e0fe4d4e70d7ff2cd98dcdfed5de725c",
    '',
  ].join('\n')
  t.deepEqual(listedPackages(text), [
    {
      ...{name: 'busybox-static', version: '1:1.35.0-4+deb12u1', sha256: hash},
      file: 'busybox-static_1%3a1.35.0-4+deb12u1_amd64.deb',
    },
  ])
})
