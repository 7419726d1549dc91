import {existsSync, mkdirSync, readdirSync} from 'node:fs'
import {homedir} from 'node:os'
import {join} from 'node:path'
import test from 'ava'
import {cacheFolder, openScratch} from '../../harness/kernels/scratch.ts'
import {temporaryFolder} from '../commands/cli.ts'

test('the cache is where the user keeps caches', (t) => {
  t.is(cacheFolder({}), join(homedir(), '.cache', 'rebind', 'kernels'))
  t.is(cacheFolder({XDG_CACHE_HOME: '/big/cache'}), '/big/cache/rebind/kernels')
  // "All paths must be absolute; a relative one is ignored": the specification.
  t.is(cacheFolder({XDG_CACHE_HOME: 'cache'}), cacheFolder({}))
})

test('what a killed process has left is removed, what a running one uses is not', (t) => {
  const cache = temporaryFolder(t)
  const [ended, running] = [`work-${2 ** 22 + 1}-abc`, `work-${process.ppid}-abc`]
  for (const name of [ended, running, 'packages']) mkdirSync(join(cache, name))
  const scratch = openScratch(cache)
  t.true(existsSync(scratch))
  t.false(existsSync(join(cache, ended)))
  t.is(readdirSync(cache).length, 3)
})
