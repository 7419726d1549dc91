import {readFileSync} from 'node:fs'
import test from 'ava'
import {parseProcStatus} from '../../harness/platforms/proc-processes.ts'
import {needs, notLinux} from '../needs.ts'

const onLinuxOnly = needs(process.platform === 'linux' ? undefined : notLinux)

onLinuxOnly("this process's own /proc/PID/status tells its parent and its effective user", (t) => {
  const {name, parent, uid} = parseProcStatus(readFileSync('/proc/self/status', 'utf8'))
  t.is(parent, process.ppid)
  t.is(uid, process.geteuid?.() ?? null)
  t.true(name.length > 0)
})

test('of two uids it is the effective one, and what is missing is null', (t) => {
  t.deepEqual(parseProcStatus('Name:\ta b\nUid:\t1000\t0\t1000\t1000\n'), {
    name: 'a b',
    parent: null,
    uid: 0,
  })
})
