import {execFileSync} from 'node:child_process'
import {once} from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import {type AddressInfo, createServer, type Socket} from 'node:net'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {deferred} from '../../harness/deferred.ts'
import {compileActor} from '../../harness/processes/compile.ts'
import {type LaunchOptions, type Listeners, launch} from '../../harness/processes/launch.ts'
import {readProcess, signalProcess} from '../../harness/processes/process-table.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {findProgram} from '../../harness/survey/programs.ts'
import {missingProgram, startProgram, temporaryFolder, testUnless} from '../commands/cli.ts'

const nobody = 65_534

let program = ''
let dispose = async () => {}

test.before(async () => {
  const compiled = await compileActor()
  program = compiled.path
  dispose = compiled.dispose
})
test.after.always(() => dispose())

async function guardianOf(
  t: ExecutionContext,
  listeners: Listeners = {},
  options: LaunchOptions = {},
  path = program,
) {
  const guardian = await launch(path, 'guardian', listeners, options)
  t.teardown(() => guardian.kill())
  return {
    ...guardian,
    start: (command: string, ...args: string[]) =>
      guardian.request('start-command', {
        ...{command, args},
        env: {PATH: process.env.PATH ?? ''},
        cwd: '/',
      }),
    async exit() {
      const answer = await guardian.request('exit', null)
      await guardian.ended
      return answer
    },
  }
}

function linuxOnly(): string | undefined {
  return process.platform === 'linux' ? undefined : 'this is about Linux'
}

function rootOnly(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'only root can act as another user'
}

/** Why a process number cannot be given out again on purpose. */
function recyclingProblem(): string | undefined {
  try {
    const script = 'echo 100 > /proc/sys/kernel/ns_last_pid'
    execFileSync('unshare', ['-Urpf', '--mount-proc', 'sh', '-c', script], {stdio: 'ignore'})
    return undefined
  } catch {
    return 'there is no pid namespace whose numbers can be set'
  }
}

testUnless(
  linuxOnly() ?? recyclingProblem(),
  "a process that gets the number of an ended command's group is not killed for it",
  async (t) => {
    const fixture = new URL('./recycled-pid.fixture.ts', import.meta.url).pathname
    // The shell is the namespace's init, which reaps orphans.
    const init = ['sh', '-c', '"$@"; exit $?', 'init']
    const node = [process.execPath, '--import=tsx', fixture, temporaryFolder(t)]
    const unshare = ['unshare', '-Urpf', '--mount-proc', '--kill-child']
    const {ended} = startProgram(t, [...unshare, ...init, ...node])
    const {stdout, stderr} = await ended
    t.is(stderr, '')
    t.deepEqual(JSON.parse(stdout), {
      groups: true,
      guardian: true,
      guardianWithoutSubreaper: true,
    })
  },
)

/** Each process starts the next one, in a session of its own, and ends. All hold one connection. */
const chainOfForks = `
#include <arpa/inet.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int main(int count, char **arguments) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1]))};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to) != 0) return 1;
  time_t until = time(NULL) + 600;
  while (time(NULL) < until) {
    if (fork() != 0) _exit(0);
    setsid();
  }
}
`

testUnless(
  linuxOnly() ?? nativeOpenerProblem() ?? missingProgram('cc'),
  'a chain of processes that each live for a moment ends with the guardian',
  async (t) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const {port} = server.address() as AddressInfo
    const guardian = await guardianOf(t)
    const connected = once(server, 'connection') as Promise<[Socket]>
    const chain = join(temporaryFolder(t), 'chain')
    execFileSync('cc', ['-x', 'c', '-o', chain, '-'], {input: chainOfForks})
    await guardian.start(chain, String(port))
    const [connection] = await connected
    const closed = new Promise((resolve) => connection.once('close', resolve))
    connection.resume().on('error', () => undefined)
    t.deepEqual(await guardian.exit(), {openConnections: 0})
    // By itself it would go on for ten minutes.
    await closed
  },
)

const asNobody = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'] as const
const asRoot = ['--reuid=0', '--regid=0', '--clear-groups']

/** Makes a program that turns whoever starts it into root altogether, as sudo does. */
function makeSudo(folder: string): string {
  const path = join(folder, 'become-root')
  copyFileSync(findProgram('setpriv') ?? '', path)
  chmodSync(path, 0o4755)
  return path
}

/** Why nobody cannot run Node, and become root, here. */
function nobodyProblem(): string | undefined {
  // Not below the project, which nobody may not be allowed to look into.
  const folder = mkdtempSync(join(tmpdir(), 'rebind-guardian-test-'))
  try {
    chmodSync(folder, 0o755)
    const [setpriv, ...user] = asNobody
    const command = [makeSudo(folder), ...asRoot, process.execPath, '--version']
    execFileSync(setpriv, [...user, ...command], {stdio: 'ignore'})
    return undefined
  } catch {
    return 'nobody cannot run Node, or become root, here'
  } finally {
    rmSync(folder, {recursive: true})
  }
}

testUnless(
  linuxOnly() ?? rootOnly() ?? nobodyProblem(),
  "a command that has become another user's is refused by code, named at the end, and survives",
  async (t) => {
    const folder = temporaryFolder(t)
    chmodSync(folder, 0o755)
    const path = join(folder, 'actor.mjs')
    copyFileSync(program, path)
    const isRoot = deferred<void>()
    const listeners = {onCommandOutput: () => isRoot.resolve()}
    const guardian = await guardianOf(t, listeners, {through: asNobody}, path)
    const sleep = ['sh', '-c', 'echo; exec sleep 60']
    const {pid} = await guardian.start(makeSudo(folder), ...asRoot, ...sleep)
    await isRoot.promise
    const entry = readProcess(pid)
    t.teardown(() => entry !== undefined && signalProcess(entry))
    await t.throwsAsync(guardian.request('signal-command', {pid, signal: 'SIGTERM'}), {
      code: 'EPERM',
    })
    t.deepEqual(await guardian.exit(), {openConnections: 0, left: [pid]})
    t.is(readProcess(pid)?.started, entry?.started)
  },
)

testUnless(
  linuxOnly(),
  'a command cannot read the environment of the harness from its guardian',
  async (t) => {
    process.env.REBIND_TEST_SECRET = 'not for a server'
    t.teardown(() => delete process.env.REBIND_TEST_SECRET)
    const silent = deferred<void>()
    let output = ''
    const guardian = await guardianOf(t, {
      onCommandOutput: ({text}) => {
        output += text
      },
      onCommandSilent: () => silent.resolve(),
    })
    await guardian.start('sh', '-c', 'cat /proc/$PPID/environ')
    await silent.promise
    const names = output.split('\0').map((variable) => variable.split('=')[0])
    t.true(names.includes('PATH'))
    t.false(names.includes('REBIND_TEST_SECRET'))
    await guardian.exit()
  },
)

for (const [where, mode] of [
  ['in a folder of everybody', 0o1777],
  ["in a folder of root's", 0o700],
] as const)
  testUnless(
    rootOnly(),
    `a folder that was given to another user ${where} is removed with that user's rights only`,
    async (t) => {
      const tmp = temporaryFolder(t)
      chmodSync(tmp, mode)
      const guardian = await guardianOf(t, {}, {through: ['env', `TMPDIR=${tmp}`]})
      const [asked, gone, kept] = await Promise.all(
        ['asked', 'gone', 'kept'].map(async (name) => {
          const prefix = `rebind-guardian-test-${name}-`
          const {folder} = await guardian.request('make-folder', {prefix})
          for (const part of ['', 'a', 'a/b']) {
            const path = join(folder, part)
            if (part !== '') mkdirSync(path)
            writeFileSync(join(path, 'file'), '')
            chownSync(path, nobody, nobody)
          }
          return folder
        }),
      )
      if (asked === undefined || gone === undefined || kept === undefined) return t.fail()
      t.is(dirname(kept), tmp)
      // In place of what a link, put there just in time, would lead to.
      const ofRoot = join(kept, 'a', 'of-root')
      mkdirSync(ofRoot)
      writeFileSync(join(ofRoot, 'file'), '')
      await guardian.request('remove-folder', {folder: asked})
      t.deepEqual([asked, gone].map(existsSync), [false, true])
      await guardian.request('remove-folder', {folder: kept})
      await guardian.exit()
      t.false(existsSync(gone))
      t.true(existsSync(join(ofRoot, 'file')))
    },
  )
