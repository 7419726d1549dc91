import {spawnSync} from 'node:child_process'
import {chmodSync, readFileSync, symlinkSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {rulesThatDrop} from '../../harness/namespaces/packet-filter.ts'
import {namespaceWays, type Way} from '../../harness/namespaces/ways.ts'
import {compileActor} from '../../harness/processes/compile.ts'
import {openHosts} from '../../harness/processes/hosts.ts'
import {missingProgram, projectFolder, temporaryFolder, testUnless} from '../commands/cli.ts'
import {packetFilterProblem} from './available.ts'

/** Whom root can become here, without being asked for a password. */
const nobody = 65_534
const way = namespaceWays(nobody, nobody).at(-1)

function problem(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can be another user for a test'
  const [command, ...args] = way?.make ?? ['false']
  const file = join(projectFolder, 'node_modules', 'koffi', 'package.json')
  const {status} = spawnSync(command, [...args, 'test', '-r', file])
  return status === 0 ? undefined : 'user nobody cannot read this checkout, or sudo is not allowed'
}

testUnless(
  packetFilterProblem ?? missingProgram('sudo') ?? problem(),
  'who keeps a namespace that sudo has made is the invoking user, and can set it up all the same',
  async (t) => {
    const folder = temporaryFolder(t)
    symlinkSync(join(projectFolder, 'node_modules'), join(folder, 'node_modules'))
    const {path} = await compileActor(join(folder, 'cache'))
    for (const each of [folder, dirname(path)]) chmodSync(each, 0o755)
    chmodSync(path, 0o644)
    if (way === undefined) return t.fail()
    const enter = async (kind: 'namespace-host' | 'keeper-host', through: Way['host']) => {
      const hosts = openHosts(path, {through, hostOf: () => kind})
      t.teardown(() => hosts.close())
      return hosts.enter(kind === 'keeper-host' ? 'keeper' : 'namespace')
    }
    const host = await enter('namespace-host', way.host)
    const {fd} = await host.request('make-namespace', null)
    const keeper = await enter('keeper-host', way.keep(host.pid))
    // CAP_NET_ADMIN of include/uapi/linux/capability.h is the 12th, CAP_SYS_ADMIN the 21st.
    for (const [pid, rights] of [
      [host.pid, '0000000000200000'],
      [keeper.pid, '0000000000201000'],
    ] as const) {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      t.regex(status, new RegExp(`^Uid:(\\s${nobody}){4}$`, 'm'))
      t.regex(status, new RegExp(`^Gid:(\\s${nobody}){4}$`, 'm'))
      t.regex(status, /^Groups:\s*$/m)
      for (const set of ['CapEff', 'CapPrm', 'CapBnd']) {
        t.regex(status, new RegExp(`^${set}:\\s${rights}$`, 'm'))
      }
      t.regex(status, /^NoNewPrivs:\s1$/m)
    }
    const {settings} = await keeper.request('set-up-namespace', {
      ...{host: host.pid, fd},
      settings: {tcp_fin_timeout: 5},
    })
    t.is(settings.tcp_fin_timeout, 5)
    await t.notThrowsAsync(
      keeper.request('filter-packets', {rules: rulesThatDrop('every FIN', 10_000, 'output')}),
    )
  },
)
