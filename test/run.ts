/**
 * `npm test` runs this instead of ava alone: after ava's output one line counts what was skipped, by reason, so
 * that "N tests passed" is not all that is seen of a machine on which much could not be tested.
 */
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs'
import {constants, tmpdir} from 'node:os'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {forbiddenReasons, readReasons, skipsLine, skipsVariable} from './skips.ts'

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'rebind-skips-'))
process.once('exit', () => rmSync(folder, {recursive: true, force: true}))
const skips = join(folder, 'skips.ndjson')

const args = process.argv.slice(2)
const isWhole = args.every((arg) => arg.startsWith('-'))
const ava = spawn(process.execPath, [file('../node_modules/ava/entrypoints/cli.mjs'), ...args], {
  stdio: 'inherit',
  env: {...process.env, [skipsVariable]: skips, REBIND_TEST_SHARED_PROCESS: isWhole ? '1' : '0'},
})
// Ctrl-C reaches ava by itself, which ends its tests; this process stays to remove the folder.
process.on('SIGINT', () => undefined)
for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ava.kill(signal))
const [status, signal] = (await once(ava, 'close')) as [number | null, NodeJS.Signals | null]
process.exitCode = status ?? 128 + constants.signals[signal ?? 'SIGKILL']

const reasons = readReasons(existsSync(skips) ? readFileSync(skips, 'utf8') : '')
process.stdout.write(`${skipsLine(reasons)}\n`)

// Where everything was installed, a test that skips all the same is not known to pass anywhere.
const allowed = process.env.REBIND_ALLOWED_SKIPS
if (allowed !== undefined) {
  for (const reason of forbiddenReasons(reasons, readFileSync(allowed, 'utf8'))) {
    process.stdout.write(`::error title=Skipped in CI::${reason} (not in ${allowed})\n`)
    process.exitCode ||= 1
  }
}
