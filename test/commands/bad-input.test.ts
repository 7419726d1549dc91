/** What the command line makes of bad input as a whole; test/fuzz/ tries much more of it in one process. */
import {mkdirSync, truncateSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {gzipSync} from 'node:zlib'
import test, {type ExecutionContext} from 'ava'
import {complaintsOf, runCli, stackTrace, temporaryFolder} from './cli.ts'

const mostMegabytes = 200
const large = 200 * 1024 * 1024

/** Says at the end how much memory the process had at most; getrusage(2) has it in KiB. */
const reporter = encodeURIComponent(
  `process.on('exit', () => process.stderr.write('(' + process.resourceUsage().maxRSS + ' KiB)'))`,
)

interface Bad {
  what: string
  /** Makes the files and returns the arguments. */
  args(folder: string): string[]
  complaint: RegExp
}

function largeFile(folder: string, name: string, beginning = ''): string {
  const file = join(folder, name)
  writeFileSync(file, beginning)
  truncateSync(file, large)
  return file
}

const inputs: readonly Bad[] = [
  {
    what: 'compare with a report of 200 MB',
    args: (folder) => ['compare', largeFile(folder, 'report.json', '{"format": "rebind-report"')],
    complaint: /report\.json is 200 MB large, but a rebind document never exceeds 16 MB/,
  },
  {
    what: 'compare with 1 MB that is 1 GB once unpacked',
    args: (folder) => {
      const file = join(folder, 'report.json.gz')
      // A gzip file may have many members (RFC 1952, section 2.2).
      const member = gzipSync(Buffer.alloc(16 * 1024 * 1024, ' '))
      writeFileSync(file, Buffer.concat(Array(64).fill(member)))
      return ['compare', file]
    },
    complaint: /report\.json\.gz is larger than any document of rebind once unpacked/,
  },
  {
    what: 'report of a folder with a log of 200 MB and no end of a line',
    args: (folder) => {
      largeFile(folder, 'events.ndjson', '{"event":"run-start')
      return ['report', folder]
    },
    complaint: /events\.ndjson is not the log of a scenario run/,
  },
  {
    what: 'report of a document of nested lists',
    args: (folder) => {
      writeFileSync(join(folder, 'report.json'), `{"a":${'['.repeat(400_000)}`)
      return ['report', folder]
    },
    complaint: /report\.json is (nested deeper|cut off|not JSON)/,
  },
  {
    what: 'compare with millions of values',
    args: (folder) => {
      const file = join(folder, 'report.json')
      writeFileSync(file, `{"format":"rebind-report","x":[${'[],'.repeat(5_000_000)}0]}`)
      return ['compare', file]
    },
    complaint: /report\.json contains more than 500000 values/,
  },
  {
    what: 'policies of a run of nothing but brackets',
    args: (folder) => {
      mkdirSync(join(folder, 'run'))
      writeFileSync(join(folder, 'run', 'timing.json'), '[{'.repeat(100_000))
      return ['policies', join(folder, 'run'), '--out', folder]
    },
    complaint: /timing\.json is (nested deeper|cut off|not JSON)/,
  },
  {
    what: 'run of a scenario that is a screenful of escapes',
    args: () => ['run', `\u001b[2J\u001b]8;;http://x\u0007\r\n\u202e${'x'.repeat(100_000)}`],
    complaint: /^rebind: unknown scenario " /,
  },
  {
    what: 'an option that moves the cursor',
    args: () => ['run', '--\u001b[5;5Hquick', '--out', '\u0007'],
    complaint: /^rebind: unknown option '--quick'/,
  },
]

for (const {what, args, complaint} of inputs) {
  test(`${what} is one plain complaint, exit status 2, and no more than ${mostMegabytes} MB`, async (t) => {
    const {status, stdout, complaints, megabytes} = await complaining(t, args(temporaryFolder(t)))
    t.is(status, 2)
    t.is(stdout, '')
    t.is(complaints.length, 1, complaints.join('\n'))
    t.regex(complaints[0] ?? '', complaint)
    t.true(megabytes < mostMegabytes, `${megabytes} MB`)
  })
}

test('an internal error is one line and exit status 3, not the status of a difference', async (t) => {
  const fault = `setInterval(() => { if (process.listenerCount('SIGINT') > 0) throw new Error('a\u001b[2Jb') }, 50)`
  const env = {NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fault)}`}
  const args = ['run', 'old-server-still-listening', '--out', temporaryFolder(t)]
  const {status, stderr} = await runCli(t, args, {env})
  t.is(status, 3)
  t.regex(stderr, /^rebind: internal error: ab$/m)
  t.notRegex(stderr, stackTrace)
})

async function complaining(t: ExecutionContext, args: string[]) {
  const {status, stdout, stderr} = await runCli(t, args, {
    env: {NODE_OPTIONS: `--import=data:text/javascript,${reporter}`},
  })
  t.notRegex(stderr, stackTrace)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  t.notRegex(stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  const kibibytes = Number(/\((\d+) KiB\)$/.exec(stderr)?.[1])
  return {status, stdout, complaints: complaintsOf(stderr), megabytes: kibibytes / 1024}
}
