import {spawnSync} from 'node:child_process'
import {readFileSync} from 'node:fs'
import test, {type ExecutionContext} from 'ava'
import {namespaceWays, type Through, type Way} from '../../harness/namespaces/ways.ts'
import {compileActor} from '../../harness/processes/compile.ts'
import {launch, type Role} from '../../harness/processes/launch.ts'
import {testUnless} from '../commands/cli.ts'
import {namespaceProblem} from './available.ts'

let program = ''
let dispose = async () => {}

test.before(async () => {
  const compiled = await compileActor()
  program = compiled.path
  dispose = compiled.dispose
})
test.after.always(() => dispose())

/** CAP_NET_ADMIN of include/uapi/linux/capability.h. */
const netAdmin = 1n << 12n

async function launched(t: ExecutionContext, role: Role, through: Through) {
  const actor = await launch(program, role, {}, {through})
  t.teardown(async () => {
    actor.kill()
    await actor.ended
  })
  return actor
}

/** What proc(5) tells of a process's rights. */
function rightsOf(pid: number) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string) => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? ''
  return {
    effective: BigInt(`0x${field('CapEff')}`),
    permitted: BigInt(`0x${field('CapPrm')}`),
    bounding: BigInt(`0x${field('CapBnd')}`),
    noNewPrivileges: field('NoNewPrivs'),
    user: Number(field('Uid').split('\t')[0]),
  }
}

/** Whether a way leads anywhere here: some systems forbid user namespaces, and few users may run sudo. */
function problemOf({title, make: [command, ...args]}: Way): string | undefined {
  const {status} = spawnSync(command, [...args, 'true'], {stdio: 'ignore'})
  return status === 0 ? undefined : `${title} is not allowed`
}

for (const way of process.platform === 'linux' ? namespaceWays() : []) {
  const {title, make, enter} = way
  testUnless(
    namespaceProblem ?? problemOf(way),
    `in a namespace made by ${title} servers and clients are the invoking user without a single right`,
    async (t) => {
      const keeper = await launched(t, 'keeper', make)
      const guests = await Promise.all(
        (['predecessor', 'successor', 'client'] as const).map((role) =>
          launched(t, role, enter(keeper.pid)),
        ),
      )
      const user = process.getuid?.() ?? -1
      for (const {pid, role} of guests) {
        const expected = {effective: 0n, permitted: 0n, bounding: 0n, noNewPrivileges: '1', user}
        t.deepEqual(rightsOf(pid), expected, role)
      }
      const kept = rightsOf(keeper.pid)
      t.deepEqual(
        [kept.effective, kept.bounding, kept.noNewPrivileges],
        [netAdmin, netAdmin, '1'],
        'the keeper may set up the network, and nothing else',
      )
    },
  )
}
