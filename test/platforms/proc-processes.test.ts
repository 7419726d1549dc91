import {readFileSync} from 'node:fs'
import test from 'ava'
import {parseProcCmdline, parseProcStatus} from '../../harness/platforms/proc-processes.ts'
import {missingProgram, startProgram, testUnless} from '../commands/cli.ts'
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

const outOfFiles = `
  const {openSync} = await import('node:fs')
  const {findHolders} = await import(${JSON.stringify(new URL('../../harness/platforms/proc-processes.ts', import.meta.url).href)})
  try { for (;;) openSync('/dev/null', 'r') } catch {}
  try { findHolders(new Set([1])); console.log('looked') } catch (error) { console.log(error.message) }`

testUnless(
  process.platform === 'linux' ? missingProgram('prlimit') : 'this is about /proc',
  'a process that may open no further file says so, and takes no other process for one that has ended',
  async (t) => {
    const node = [process.execPath, '--import=tsx', '--input-type=module', '--eval', outOfFiles]
    const {stdout} = await startProgram(t, ['prlimit', '--nofile=100', ...node]).ended
    t.regex(stdout, /^\/proc.* cannot be read \(EMFILE: too many open files\); raise the limit/)
  },
)

test('a command line is one line, and takes no time that grows with the square of its length', (t) => {
  t.is(parseProcCmdline('node\0server.js\0--port\0\0'), 'node server.js --port')
  t.is(parseProcCmdline('\0 \0'), '')
  const began = process.cpuUsage()
  parseProcCmdline(`${'\0'.repeat(500_000)}x`)
  const {user, system} = process.cpuUsage(began)
  t.true((user + system) / 1e6 < 2, `${(user + system) / 1e6} s`)
})
