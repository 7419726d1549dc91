import {mkdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {nodePackage, unpackNode} from '../../harness/kernels/node-binary.ts'
import {CannotBoot} from '../../harness/kernels/programs.ts'
import {temporaryFolder} from '../commands/cli.ts'

test('a binary that is not the one known here is not used', async (t) => {
  const cache = temporaryFolder(t)
  const {signal} = new AbortController()
  // Nobody publishes this version, so that what is in the cache could only be somebody else's file.
  const unknown = {...nodePackage, version: '0.0.0-unpublished'}
  mkdirSync(join(cache, 'packages'))
  writeFileSync(join(cache, 'packages', `${unknown.name}-${unknown.version}.tgz`), 'not Node')
  const folder = join(cache, 'kit')
  await t.throwsAsync(() => unpackNode({cache, folder, signal}, unknown), {instanceOf: CannotBoot})
})
