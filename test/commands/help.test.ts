import test from 'ava'
import {runCli} from './cli.ts'

test('--help lists the commands, and each of them has a help of its own with examples, all with exit status 0', async (t) => {
  const {status, stdout, stderr} = await runCli(t, ['--help'])
  t.is(status, 0)
  t.is(stderr, '')
  const [, listing = ''] = stdout.split('Commands:\n')
  const commands = [...listing.matchAll(/^ {2}([a-z]+)/gm)].map(([, name = '']) => name)
  for (const command of ['run', 'list', 'nc']) t.true(commands.includes(command), command)

  const own = commands.filter((command) => command !== 'help')
  await Promise.all(
    own.map(async (command) => {
      const help = await runCli(t, [command, '--help'])
      t.is(help.status, 0, command)
      t.is(help.stderr, '', command)
      t.true(help.stdout.startsWith(`Usage: rebind ${command}`), command)
      t.regex(help.stdout, /^Examples?:\n {2}\S/m, command)
    }),
  )
})

test('--version prints a version and nothing else', async (t) => {
  const {status, stdout, stderr} = await runCli(t, ['--version'])
  t.is(status, 0)
  t.is(stderr, '')
  t.regex(stdout, /^\d+\.\d+\.\d+\S*\n$/)
})
