import {mkdir, readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {fetchPackages, unpack} from './debian.ts'
import {play} from './play.ts'
import {CannotBoot} from './programs.ts'
import type {Measured, Surroundings} from './surroundings.ts'

/** Fetches Debian's runsc and measures in it. gVisor does not tell its version inside, so it is given a label. */
export async function measureGvisor(
  suites: readonly string[],
  surroundings: Surroundings,
): Promise<Measured> {
  const {cache, folder, signal} = surroundings
  const packages = await fetchPackages({name: 'runsc', suites, wanted: /^runsc$/, cache, signal})
  const unpacked = join(folder, 'gvisor')
  await unpack(packages, unpacked, signal)
  const path = (await readdir(unpacked, {recursive: true})).find((each) => /bin\/runsc$/.test(each))
  const [, date] = /(\d{8})/.exec(packages[0]?.version ?? '') ?? []
  if (path === undefined || date === undefined) throw new CannotBoot('runsc is not in its package')
  const state = join(folder, 'state')
  await mkdir(state, {recursive: true})
  const runsc = [join(unpacked, path), '--rootless', '--network=none', '--root', state, 'do']
  return {
    printed: await play({
      ...surroundings,
      ...{folder: join(folder, 'results'), launcher: runsc, args: ['--label', `gVisor ${date}`]},
      // It makes folders of its own, and leaves them if it is killed.
      env: {...process.env, TMPDIR: state},
    }),
    kernel: null,
    ingredients: packages.map(({name, version, sha256}) => ({name, version, sha256})),
  }
}
