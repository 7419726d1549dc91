import {chmodSync, readFileSync, writeFileSync} from 'node:fs'
import {delimiter, join} from 'node:path'
import {passEnvironment} from '../../harness/namespaces/ways.ts'
import {compileActor} from '../../harness/processes/compile.ts'
import {launch} from '../../harness/processes/launch.ts'
import {temporaryFolder, testUnless} from '../commands/cli.ts'

/** The session of a process, from /proc/PID/stat: the fourth field behind the name in parentheses. */
function sessionIn(stat: string): string | undefined {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]
}

testUnless(
  process.platform === 'linux' ? undefined : 'the session of a process is read from /proc',
  'sudo runs in our own session, whose terminal sudo -v was given a ticket for',
  async (t) => {
    const folder = temporaryFolder(t)
    const [sudo, stat] = [join(folder, 'sudo'), join(folder, 'stat')]
    writeFileSync(sudo, `#!/bin/sh\ncat /proc/$$/stat > ${stat}\nshift\nexec "$@"\n`)
    chmodSync(sudo, 0o755)
    const {PATH} = process.env
    process.env.PATH = `${folder}${delimiter}${PATH}`
    t.teardown(() => {
      process.env.PATH = PATH
    })
    const {path, dispose} = await compileActor()
    t.teardown(dispose)
    const keeper = await launch(
      path,
      'settings-keeper',
      {},
      {through: ['sudo', '-n', ...passEnvironment]},
    )
    await keeper.request('exit', null)
    await keeper.ended
    const session = sessionIn(readFileSync(stat, 'utf8'))
    t.is(session, sessionIn(readFileSync('/proc/self/stat', 'utf8')))
    t.truthy(session)
  },
)
