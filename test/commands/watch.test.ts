import {once} from 'node:events'
import {watchLineSchema} from '../../harness/documents/watch-schema.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {connection, leaveTimeWait, listenOn, takePort} from '../why/residue.ts'
import {withoutProc, withoutProcProblem} from '../why/without-proc.ts'
import {withoutNetlink, withoutNetlinkProblem} from '../without-netlink.ts'
import {missingProgram, projectFolder, runCli, startCli, startProgram, testUnless} from './cli.ts'

const onLinux =
  detectPlatform().stack === 'linux' ? nativeOpenerProblem() : "this is about Linux's socket table"

testUnless(
  onLinux,
  "a port's sockets come and go line by line, and Ctrl-C ends with 130",
  async (t) => {
    const port = await takePort(t)
    const server = await listenOn(t, port)
    const watch = startCli(t, ['watch', String(port)])
    await watch.shows(/ LISTEN 127\.0\.0\.1/, 'stdout')
    const {accepted, client} = await connection(t, server, port)
    await watch.shows(/ ESTABLISHED 127\.0\.0\.1/, 'stdout')
    const closed = once(accepted, 'close')
    accepted.resume().end()
    await once(client.resume(), 'end')
    client.end()
    await closed
    await watch.shows(/ (ESTABLISHED|FIN_WAIT2) -> TIME_WAIT .*, gone in \d+ to \d+ s/, 'stdout')
    server.close()
    await watch.shows(/ gone: LISTEN 127\.0\.0\.1/, 'stdout')
    process.kill(watch.pid, 'SIGINT')
    const {status, stderr} = await watch.ended
    t.is(status, 130)
    t.is(stderr, '')
  },
)

testUnless(
  onLinux,
  '--until-free ends with 0 when the server is gone, and not before',
  async (t) => {
    const port = await takePort(t)
    const server = await listenOn(t, port)
    const watch = startCli(t, ['watch', String(port), '--until-free', '--timeout', '30'])
    await watch.shows(/ LISTEN /, 'stdout')
    t.is(watch.child.exitCode, null)
    server.close()
    const {status, stdout} = await watch.ended
    t.is(status, 0)
    t.regex(stdout, new RegExp(`port ${port} is free: a plain bind is granted\\n$`))
  },
)

testUnless(onLinux, '--until-free that times out says so and ends with 1', async (t) => {
  const port = await takePort(t)
  await leaveTimeWait(t, port, 'reuseaddr')
  const args = ['watch', String(port), '--until-free', '--timeout', '0.3']
  const {status, stdout, stderr} = await runCli(t, args)
  t.is(status, 1)
  t.regex(stdout, / TIME_WAIT 127\.0\.0\.1/)
  t.is(stderr, `rebind: port ${port} is not free after 0.3 s\n`)
})

testUnless(
  nativeOpenerProblem(),
  'a port that is free already ends --until-free at once',
  async (t) => {
    const {status} = await runCli(t, ['watch', String(await takePort(t)), '--until-free'])
    t.is(status, 0)
  },
)

testUnless(
  onLinux,
  'watch --json prints a document for each change, and one for the end',
  async (t) => {
    const port = await takePort(t)
    const server = await listenOn(t, port)
    const watch = startCli(t, ['watch', String(port), '--json', '--until-free', '--timeout', '30'])
    await watch.shows(/LISTEN/, 'stdout')
    server.close()
    const {status, stdout} = await watch.ended
    t.is(status, 0)
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => watchLineSchema.parse(JSON.parse(line)))
    t.deepEqual(
      lines.map(({change}) => change),
      ['appeared', 'gone', 'free'],
    )
    t.like(lines[0], {port, state: 'LISTEN', pid: process.pid})
  },
)

testUnless(onLinux, 'an address that is not local is not waited for: exit status 3', async (t) => {
  const port = String(await takePort(t))
  const args = ['watch', port, '--until-free', '--host', '203.0.113.77']
  const {status, stderr} = await runCli(t, args)
  t.is(status, 3)
  t.regex(stderr, /^rebind: port \d+ is refused with EADDRNOTAVAIL.*rebind why/)
})

testUnless(onLinux, 'the watch ends when nobody reads it any more', async (t) => {
  const port = await takePort(t)
  const server = await listenOn(t, port)
  const watch = startCli(t, ['watch', String(port)])
  await watch.shows(/ LISTEN /, 'stdout')
  watch.child.stdout?.destroy()
  // The next line is the one that cannot be written.
  server.close()
  const {status, stderr} = await watch.ended
  t.is(status, 0)
  t.is(stderr, '')
})

testUnless(
  onLinux,
  '--until-free whose reader goes away first does not say that the port is free',
  async (t) => {
    const port = await takePort(t)
    const server = await listenOn(t, port)
    const watch = startCli(t, ['watch', String(port), '--until-free'])
    await watch.shows(/ LISTEN /, 'stdout')
    watch.child.stdout?.destroy()
    // The next line is the one that cannot be written.
    await connection(t, server, port)
    const {status, stderr} = await watch.ended
    t.is(status, 1)
    t.is(stderr, '')
  },
)

testUnless(
  onLinux ?? missingProgram('script'),
  'on a terminal the table is taken away at the end and the cursor is shown again',
  async (t) => {
    const port = await takePort(t)
    await leaveTimeWait(t, port, 'none')
    const command = `stty cols 100 rows 20; exec ${process.execPath} dist/harness/cli.js watch ${port} --timeout 1.2`
    const terminal = startProgram(t, ['script', '-qec', command, '/dev/null'], {cwd: projectFolder})
    const {status, stdout} = await terminal.ended
    t.is(status, 0)
    t.regex(stdout, new RegExp(`Port ${port}: 1 TIME_WAIT`))
    t.regex(stdout, /gone in/)
    const [hides, shows] = ['\u001b[?25l', '\u001b[?25h'].map((code) => stdout.lastIndexOf(code))
    t.true((hides ?? -1) >= 0 && (shows ?? -1) > (hides ?? -1))
    // What comes after the last table erases it line by line.
    const afterTable = stdout.slice(stdout.lastIndexOf('Ctrl-C ends') + 'Ctrl-C ends'.length)
    t.true(afterTable.includes('\u001b[2K') || afterTable.includes('\u001b[J'), afterTable)
  },
)

testUnless(
  onLinux ?? withoutProcProblem ?? withoutNetlinkProblem,
  'without /proc and netlink --until-free tries binds all the same, and says once that it sees no sockets',
  async (t) => {
    const port = await takePort(t)
    const server = await listenOn(t, port)
    const args = ['watch', String(port), '--until-free', '--timeout', '30']
    const watch = startCli(t, args, {launcher: [...withoutNetlink(t), ...withoutProc]})
    await watch.shows(/the sockets are not shown: .*ENOENT/)
    t.is(watch.child.exitCode, null)
    server.close()
    const {status, stdout, stderr} = await watch.ended
    t.is(status, 0)
    t.regex(stdout, /^ .* port \d+ is free: a plain bind is granted\n$/)
    t.is(stderr.split('\n').length, 2, stderr)
  },
)

testUnless(
  onLinux ?? withoutProcProblem ?? withoutNetlinkProblem,
  'without /proc, netlink and --until-free nothing can be watched: exit status 3',
  async (t) => {
    const launcher = [...withoutNetlink(t), ...withoutProc]
    const {status, stderr} = await runCli(t, ['watch', '1'], {launcher})
    t.is(status, 3)
    t.regex(stderr, /^rebind: \/proc\/net\/tcp cannot be read \(ENOENT\)/)
  },
)
