/** The command line of `npm run kernels`, as far as nothing is fetched or booted. */
import {writeFileSync} from 'node:fs'
import {join} from 'node:path'
import type {ExecutionContext} from 'ava'
import {projectFolder, startProgram, temporaryFolder} from '../commands/cli.ts'
import {needs} from '../needs.ts'

const test = needs(
  process.platform === 'linux' && process.arch === 'x64' ? undefined : 'not on Linux on x64',
)

function kernels(t: ExecutionContext, ...args: string[]) {
  const tool = join(projectFolder, 'harness', 'kernels', 'cli.ts')
  return startProgram(t, [process.execPath, '--import=tsx', tool, ...args]).ended
}

test('an unknown system is refused, with the known ones', async (t) => {
  const {status, stderr} = await kernels(t, '--only', '6.1,6.2')
  t.is(status, 2)
  t.regex(
    stderr,
    /^kernels: unknown system "6\.2"; it is one of 5\.10, 6\.1, 6\.12, newest, gvisor-/,
  )
})

test('a kernel takes its modules, and both have to be there', async (t) => {
  const file = join(temporaryFolder(t), 'vmlinuz')
  const half = await kernels(t, '--kernel', file)
  t.deepEqual(
    [half.status, half.stderr],
    [2, 'kernels: --kernel and --modules belong together; name both\n'],
  )
  const missing = await kernels(t, '--kernel', file, '--modules', '/')
  t.deepEqual([missing.status, missing.stderr], [2, `kernels: ${file} does not exist\n`])
  writeFileSync(file, '')
  const both = await kernels(t, '--kernel', file, '--modules', '/', '--only', '6.1')
  t.deepEqual(
    [both.status, both.stderr],
    [2, 'kernels: --only names known systems; omit it with --kernel\n'],
  )
})

test('an unknown option is bad usage, and help is not', async (t) => {
  t.is((await kernels(t, '--suite', 'sid')).status, 2)
  const {status, stdout} = await kernels(t, '--help')
  t.is(status, 0)
  t.regex(stdout, /gvisor-20240729/)
})
