/**
 * Packages of Debian, through apt, on Debian and on systems made from it. apt verifies an index by its signature and
 * a package by its index; it gets folders of its own, so that neither the system's sources nor its packages count.
 */
import {createHash} from 'node:crypto'
import {mkdir, readFile, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {CannotBoot, outputOf} from './programs.ts'
import {keyring} from './tools.ts'

export interface DebianPackage {
  name: string
  version: string
  /** Of the .deb file, in hex. */
  sha256: string
  file: string
}

/** Where packages come from, and who vouches for them. */
export interface Archive {
  mirror: string
  keyring: string
}

const debian: Archive = {mirror: 'http://deb.debian.org/debian', keyring}

export interface FetchOptions {
  /** The package that is asked for. */
  name: string
  /** The highest version of all these is taken. */
  suites: readonly string[]
  /** Which packages are wanted of those that it depends on, and itself. */
  wanted: RegExp
  /** Keeps indexes and packages. */
  cache: string
  signal: AbortSignal
}

/**
 * The verified files of a package, and of those that it depends on, from the cache where they are there.
 * @throws CannotBoot with apt's own words, if the mirror cannot be reached or something is not what was signed
 */
export async function fetchPackages(
  options: FetchOptions,
  archive: Archive = debian,
): Promise<DebianPackage[]> {
  const {name, suites, wanted, cache, signal} = options
  const files = join(cache, 'packages')
  await mkdir(files, {recursive: true})
  const env = await configure(join(cache, 'apt', suites.join('+')), suites, archive, signal)
  const apt = (...args: string[]) =>
    outputOf(['apt-get', '-q=2', ...args], {signal, env, cwd: files})
  await apt('update')
  const listed = await apt('install', '--no-install-recommends', '--print-uris', name)
  const found = listedPackages(listed.toString('utf8')).filter((each) => wanted.test(each.name))
  const packages = found.map((each) => ({...each, file: join(files, each.file)}))
  if (packages.length === 0) throw new CannotBoot(`${name} has no package like ${wanted}`)
  for (const each of packages) {
    if (await isIntact(each)) continue
    await rm(each.file, {force: true})
    await apt('download', `${each.name}=${each.version}`)
    if (await isIntact(each)) continue
    throw new CannotBoot(`${each.file} is not the file that the index of ${archive.mirror} names`)
  }
  return packages
}

/** What `apt-get --print-uris` prints: `'URI' NAME_VERSION_ARCH.deb SIZE SHA256:HASH`, with `%3a` for a colon. */
export function listedPackages(text: string): DebianPackage[] {
  return [
    ...text.matchAll(
      /^'\S+' (?<file>([^_\s]+)_([^_\s]+)_[^_\s]+\.deb) \d+ SHA256:([0-9a-f]{64})$/gm,
    ),
  ].map(([, file = '', name = '', version = '', sha256 = '']) => ({
    ...{name, version: decodeURIComponent(version), sha256, file},
  }))
}

async function isIntact({file, sha256}: DebianPackage): Promise<boolean> {
  const bytes = await readFile(file).catch(() => undefined)
  return bytes !== undefined && createHash('sha256').update(bytes).digest('hex') === sha256
}

/** @returns the environment in which apt uses this folder only */
async function configure(
  folder: string,
  suites: readonly string[],
  {mirror, keyring}: Archive,
  signal: AbortSignal,
): Promise<NodeJS.ProcessEnv> {
  await mkdir(join(folder, 'lists', 'partial'), {recursive: true})
  await mkdir(join(folder, 'archives', 'partial'), {recursive: true})
  const sources = suites.map(
    (suite) => `deb [arch=amd64 signed-by=${keyring}] ${mirror} ${suite} main\n`,
  )
  await writeFile(join(folder, 'sources.list'), sources.join(''))
  // Otherwise apt would prefer any other suite to backports.
  await writeFile(join(folder, 'preferences'), 'Package: *\nPin: release *\nPin-Priority: 500\n')
  await writeFile(join(folder, 'status'), '')
  const ofSystem = await outputOf(['apt-config', 'dump'], {signal})
  const proxies = ofSystem.toString('utf8').match(/^Acquire::https?::Proxy.*;$/gim) ?? []
  const file = join(folder, 'apt.conf')
  await writeFile(file, [...proxies, ...settings(folder), ''].join('\n'))
  return {...process.env, APT_CONFIG: file, LC_ALL: 'C.UTF-8'}
}

function settings(folder: string): string[] {
  const nothing = ['main', 'parts', 'sourceparts', 'preferencesparts', 'trusted', 'trustedparts']
  return [
    ...nothing.map((name) => `Dir::Etc::${name} "/dev/null";`),
    `Dir::Etc "${folder}/";`,
    `Dir::State "${folder}/";`,
    `Dir::State::status "${folder}/status";`,
    `Dir::Cache "${folder}/";`,
    'APT::Architecture "amd64";',
    'APT::Architectures {"amd64";};',
    // Nothing is installed, and the folder may be one that apt's own user cannot enter.
    'APT::Sandbox::User "root";',
    'APT::Update::Error-Mode "any";',
    'Acquire::Languages "none";',
    'Acquire::ForceHash "SHA256";',
    // An old index can only have old kernels; the record says which one it was.
    'Acquire::Check-Valid-Until "false";',
  ]
}

/** Unpacks packages into a folder, without running anything of them. */
export async function unpack(
  packages: readonly DebianPackage[],
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(folder, {recursive: true})
  for (const {file} of packages) await outputOf(['dpkg-deb', '-x', file, folder], {signal})
}
