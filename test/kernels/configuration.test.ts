import {mkdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {configurationOf} from '../../harness/kernels/kernel.ts'
import {temporaryFolder} from '../commands/cli.ts'

for (const [modules, file] of [
  ['lib/modules/6.1.0', 'boot/config-6.1.0'],
  ['usr/lib/modules/6.1.0', 'boot/config-6.1.0'],
  ['usr/lib/modules/6.1.0', 'usr/lib/modules/6.1.0/config'],
] as const) {
  test(`the configuration of ${modules} is found as ${file}, from where the tick rate is read`, async (t) => {
    const root = temporaryFolder(t)
    for (const folder of [modules, 'boot']) mkdirSync(join(root, folder), {recursive: true})
    writeFileSync(join(root, file), 'CONFIG_HZ=250')
    const [entry] = await configurationOf(join(root, modules))
    t.is(entry?.path, 'boot/config-6.1.0')
  })
}
