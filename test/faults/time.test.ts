import {readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../../harness/clock.ts'
import {livingBelow} from '../../harness/processes/process-table.ts'
import {
  readEvents,
  readReport,
  resultOf,
  startCli,
  temporaryFolder,
  testUnless,
} from '../commands/cli.ts'
import {notInstalled} from '../needs.ts'
import {writeMarkedScenario} from './marked-scenario.ts'

const libraryFolders = ['/usr/lib', '/usr/lib64', '/usr/local/lib']

/** libfaketime, which lies about the wall clock and, as told, not about the monotonic one. */
function faketimeLibrary(): string | undefined {
  const candidates = libraryFolders.flatMap((folder) => {
    try {
      return [folder, ...readdirSync(folder).map((name) => join(folder, name))]
    } catch {
      return []
    }
  })
  return candidates
    .map((folder) => join(folder, 'faketime', 'libfaketime.so.1'))
    .find((file) => {
      try {
        return readFileSync(file).length > 0
      } catch {
        return false
      }
    })
}

const faketime = faketimeLibrary()

testUnless(
  faketime === undefined ? notInstalled('libfaketime') : undefined,
  'a wall clock that is set forth and back while a run waits changes nothing that it measures',
  async (t) => {
    const out = temporaryFolder(t)
    const clock = join(temporaryFolder(t), 'clock')
    writeFileSync(clock, '+0\n')
    const began = monotonicSeconds()
    const ids = ['server-closes-first', 'old-server-still-listening']
    const cli = startCli(t, ['run', '--limit', '10', ...ids, '--out', out], {
      env: {
        LD_PRELOAD: faketime,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        DONT_FAKE_MONOTONIC: '1',
      },
    })
    await cli.shows(/old-server-still-listening: EADDRINUSE/)
    for (const offset of ['+1h', '-1h', '+400d', '-1d', '+0']) {
      writeFileSync(clock, `${offset}\n`)
      await delay(200)
    }
    const {status, stderr} = await cli.ended
    t.is(status, 0, stderr)
    const report = readReport(out)
    t.true(report.run.wallSeconds < monotonicSeconds() - began)
    t.is(resultOf(report, 'server-closes-first').bind?.verdict, 'blocked')
    const delayed = resultOf(report, 'old-server-still-listening').bind
    t.is(delayed?.verdict, 'delayed')
    t.true((delayed?.waitSeconds ?? 0) < report.run.wallSeconds)
    t.true(readEvents(out).every(({seconds}) => seconds <= report.run.wallSeconds))
  },
)

/** As long as a lid is shut, or a virtual machine moved. */
const stoppedSeconds = 5

testUnless(
  process.platform === 'linux' ? undefined : 'the processes below another are looked up in /proc',
  'a run that is stopped for a while, with all its processes, goes on and measures what was',
  async (t) => {
    const out = temporaryFolder(t)
    const {file, mark} = writeMarkedScenario(temporaryFolder(t))
    const cli = startCli(t, ['run', '--scenario', file, '--out', out])
    await cli.shows(/marked: EADDRINUSE/)
    process.kill(cli.pid, 'SIGSTOP')
    const others = livingBelow(cli.pid)
    for (const pid of others) process.kill(pid, 'SIGSTOP')
    const stoppedAt = monotonicSeconds()
    await delay(stoppedSeconds * 1000)
    const stopped = monotonicSeconds() - stoppedAt
    writeFileSync(mark, '')
    for (const pid of [...others, cli.pid]) process.kill(pid, 'SIGCONT')
    const {status, stderr} = await cli.ended
    t.is(status, 0, stderr)
    const report = readReport(out)
    const delayed = resultOf(report, 'marked').bind
    t.is(delayed?.verdict, 'delayed')
    t.true((delayed?.waitSeconds ?? 0) >= stopped)
  },
)
