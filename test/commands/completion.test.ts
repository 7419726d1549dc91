import {execFileSync} from 'node:child_process'
import test from 'ava'
import {missingProgram, projectFolder, runCli, testUnless} from './cli.ts'

const asked: [what: string, words: string[], offers: RegExp][] = [
  ['a command', ['ma'], /^matrix\t/m],
  ['an option', ['run', '--qu'], /^--quick\t/m],
  ['a scenario', ['run', 'server-a'], /^server-aborts\t/m],
  ['a choice of an option', ['matrix', '--format', ''], /^markdown\t/m],
]

for (const [what, words, offers] of asked) {
  test(`the shell is offered ${what}`, async (t) => {
    const {status, stdout} = await runCli(t, ['complete', '--', ...words])
    t.is(status, 0)
    t.regex(stdout, offers)
  })
}

testUnless(missingProgram('bash'), 'bash completes by the script alone', async (t) => {
  const {status, stdout} = await runCli(t, ['completion', 'bash'])
  t.is(status, 0)
  const defined = execFileSync('bash', ['-c', `${stdout}\ncomplete -p rebind`], {encoding: 'utf8'})
  const [, complete] = /^complete -F (\S+) rebind$/m.exec(defined) ?? []
  const asBashDoes = [
    'rebind() { "$NODE" dist/harness/cli.js "$@"; }',
    stdout,
    'COMP_WORDS=(rebind run --quic) COMP_CWORD=2',
    // Outside of a real completion this has no one to tell.
    'compopt() { :; }',
    `${complete}; printf '%s\n' "\${COMPREPLY[@]}"`,
  ]
  const offered = execFileSync('bash', ['--norc', '-c', asBashDoes.join('\n')], {
    cwd: projectFolder,
    encoding: 'utf8',
    env: {...process.env, NODE: process.execPath},
  })
  t.is(offered, '--quick\n')
})

test('a shell that nobody knows is a usage error', async (t) => {
  const {status, stderr} = await runCli(t, ['completion', 'tcsh'])
  t.is(status, 2)
  t.regex(stderr, /Allowed choices are zsh, bash, fish, powershell/)
})
