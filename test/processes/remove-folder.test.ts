import {chownSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {removeFolder} from '../../harness/processes/remove-folder.ts'
import {temporaryFolder, testUnless} from '../commands/cli.ts'

const rootOnly = process.getuid?.() === 0 ? undefined : 'only root can give a folder away'
/** Nobody on any machine that runs tests. */
const owner = 54_321

test('a folder goes with all that is in it, and one that is gone already is no error', (t) => {
  const folder = join(temporaryFolder(t), 'folder')
  mkdirSync(join(folder, 'deep', 'deeper'), {recursive: true})
  writeFileSync(join(folder, 'deep', '-rf'), '')
  removeFolder(folder)
  t.false(existsSync(folder))
  t.notThrows(() => removeFolder(folder))
})

testUnless(
  rootOnly,
  "another user's folder is removed with that user's rights, also where they may not enter what it is in",
  (t) => {
    const outer = temporaryFolder(t)
    const folder = join(outer, 'folder')
    mkdirSync(join(folder, 'deep'), {recursive: true})
    writeFileSync(join(folder, 'deep', '-rf'), '')
    for (const path of [join(folder, 'deep', '-rf'), join(folder, 'deep'), folder]) {
      chownSync(path, owner, owner)
    }
    removeFolder(folder)
    t.deepEqual(readdirSync(outer), [])
  },
)

testUnless(
  rootOnly,
  "root removes nothing that the folder's owner could not remove, wherever that is moved to",
  (t) => {
    const outer = temporaryFolder(t)
    // What a walk of root's ends up in when a folder becomes a link below its feet.
    const folder = join(outer, 'folder')
    mkdirSync(join(folder, 'of-root'), {recursive: true})
    writeFileSync(join(folder, 'of-root', 'precious'), '')
    chownSync(folder, owner, owner)
    removeFolder(folder)
    t.deepEqual(readdirSync(join(folder, 'of-root')), ['precious'])

    const victim = join(outer, 'victim')
    mkdirSync(victim)
    writeFileSync(join(victim, 'precious'), '')
    const link = join(outer, 'link')
    symlinkSync(victim, link)
    removeFolder(link)
    t.deepEqual(readdirSync(victim), ['precious'])
  },
)
