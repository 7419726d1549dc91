import {execFileSync} from 'node:child_process'
import {lstatSync, readFileSync, readlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {cpioOf} from '../../harness/kernels/cpio.ts'
import {missingProgram, temporaryFolder, testUnless} from '../commands/cli.ts'

const entries = [
  {path: 'init', mode: 0o755, bytes: '#!/bin/sh\n'},
  {path: 'usr/lib/odd', bytes: Buffer.from('12345')},
  {path: 'usr/lib/empty', bytes: ''},
  {path: 'lib', link: 'usr/lib'},
]

testUnless(missingProgram('cpio'), 'cpio unpacks what was packed, folders included', (t) => {
  const folder = temporaryFolder(t)
  const input = Buffer.concat([...cpioOf(entries)])
  execFileSync('cpio', ['--quiet', '-i'], {cwd: folder, input})
  const read = (path: string) => readFileSync(join(folder, path), 'utf8')
  t.deepEqual(['init', 'usr/lib/odd', 'usr/lib/empty', 'lib/odd'].map(read), [
    '#!/bin/sh\n',
    '12345',
    '',
    '12345',
  ])
  t.is(readlinkSync(join(folder, 'lib')), 'usr/lib')
  t.is(lstatSync(join(folder, 'init')).mode & 0o777, 0o755)
})

testUnless(missingProgram('cpio'), "everything is root's, whoever packs it", (t) => {
  const file = join(temporaryFolder(t), 'archive')
  writeFileSync(file, Buffer.concat([...cpioOf(entries)]))
  const listed = execFileSync('cpio', ['--quiet', '-itvn', '-F', file], {encoding: 'utf8'})
  const owners = listed
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/).slice(2, 4).join(':'))
  t.deepEqual(new Set(owners), new Set(['0:0']))
})

test('every record begins at a multiple of four bytes', (t) => {
  for (const bytes of cpioOf(entries)) t.is(bytes.length % 4, 0)
})
