import {existsSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {type Result, reportSchema} from '../../harness/documents/report-schema.ts'
import {
  type Event,
  readEvents,
  readReport,
  resultOf,
  runCli,
  runFolder,
  temporaryFolder,
} from './cli.ts'

/** Two ways of subtracting the same clock's readings may differ by the rounding of a double. */
const roundingSeconds = 1e-6

function attemptsOf(events: Event[], scenario: string): Event[] {
  return events.filter((event) => event.event === 'bind-attempt' && event.scenario === scenario)
}

/** Computes a result's numbers again from nothing but the attempts in events.ndjson. */
function agreesWithLog(t: ExecutionContext, {scenario, bind}: Result, events: Event[]): void {
  const attempts = attemptsOf(events, scenario)
  const refused = attempts.filter(({outcome}) => outcome === 'refused')
  const granted = attempts.find(({outcome}) => outcome === 'granted')
  t.is(bind?.attempts, attempts.length, scenario)
  t.deepEqual(
    attempts.map(({attempt}) => attempt),
    attempts.map((_, index) => index + 1),
    `${scenario}: attempts are numbered from 1`,
  )
  t.is(bind?.firstError?.code, refused[0]?.code, scenario)
  const codes: Record<string, number> = {}
  for (const {code = 'none'} of refused) codes[code] = (codes[code] ?? 0) + 1
  t.deepEqual(bind?.errors, codes, scenario)

  const since = (from: Event | undefined) =>
    granted === undefined ? null : granted.seconds - (from ?? granted).seconds
  const close = (reported: number | null | undefined, computed: number | null, what: string) => {
    if (computed === null) t.is(reported, null, what)
    else t.true(Math.abs((reported ?? Number.NaN) - computed) < roundingSeconds, what)
  }
  close(bind?.waitSeconds, since(attempts[0]), `${scenario}: wait`)
  close(bind?.uncertaintySeconds, since(refused.at(-1)), `${scenario}: uncertainty`)
}

test('run --json prints the report, and nothing else, and the run folder holds the same', async (t) => {
  const out = temporaryFolder(t)
  const args = ['run', '--quick', '--json', 'server-aborts', 'client-aborts', '--out', out]
  const {status, stdout, stderr} = await runCli(t, args)
  t.is(status, 0, stderr)
  const document = JSON.parse(stdout)
  const report = reportSchema.parse(document)
  t.deepEqual(report.run.command, args)
  t.is(report.run.interrupted, undefined)
  t.deepEqual(
    report.results.map(({scenario}) => scenario),
    ['server-aborts', 'client-aborts'],
  )
  t.false(/[{}]/.test(stderr), stderr)

  const folder = runFolder(out)
  t.true(folder.endsWith(report.run.id))
  t.true(stderr.includes(folder), 'stderr says where the report is')
  t.deepEqual(JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')), document)
  const markdown = readFileSync(join(folder, 'report.md'), 'utf8')
  for (const {scenario} of report.results) t.true(markdown.includes(scenario))

  const events = readEvents(out)
  t.true(readFileSync(join(folder, 'events.ndjson'), 'utf8').endsWith('}\n'))
  t.true(events.every(({run}) => run === report.run.id))
  t.is(events[0]?.event, 'run-start')
  t.is(events.at(-1)?.event, 'run-end')
  for (const result of report.results) agreesWithLog(t, result, events)
})

test('run plays scenarios in the order of the story, each once, however they were named', async (t) => {
  const out = temporaryFolder(t)
  const ids = ['client-aborts', 'server-aborts', 'client-aborts']
  const {status} = await runCli(t, ['run', '--quick', ...ids, '--out', out])
  t.is(status, 0)
  t.deepEqual(
    readReport(out).results.map(({scenario}) => scenario),
    ['server-aborts', 'client-aborts'],
  )
})

test('run makes the output folder with its parents', async (t) => {
  const out = join(temporaryFolder(t), 'of', 'mine')
  const {status} = await runCli(t, ['run', '--quick', 'server-aborts', '--out', out])
  t.is(status, 0)
  t.true(existsSync(join(runFolder(out), 'report.json')))
})

test('run --quick does not wait for a refused port, and says so', async (t) => {
  const out = temporaryFolder(t)
  const {status, stdout, stderr} = await runCli(t, [
    ...['run', '--quick', 'server-closes-first', '--out', out],
  ])
  t.is(status, 0, stderr)
  const result = resultOf(readReport(out), 'server-closes-first')
  t.is(result.status, 'as-expected', result.reason)
  t.is(result.bind?.verdict, 'blocked')
  t.is(result.bind?.waited, false)
  t.is(result.bind?.waitSeconds, null)
  t.is(result.bind?.attempts, 1)
  t.is(result.bind?.firstError?.code, 'EADDRINUSE')
  t.is(result.outageSeconds, null)
  agreesWithLog(t, result, readEvents(out))
  t.regex(stdout, /server-closes-first .*EADDRINUSE \d+ .*refused .*not waited .*as expected/)
})

test('run --limit ends the wait, and a port that was to be held for longer is blocked as expected', async (t) => {
  const out = temporaryFolder(t)
  const {status, stderr} = await runCli(t, [
    ...['run', '--limit', '1', 'server-closes-first', '--out', out],
  ])
  t.is(status, 0, stderr)
  const result = resultOf(readReport(out), 'server-closes-first')
  t.is(result.status, 'as-expected', result.reason)
  t.is(result.expected?.verdict, 'blocked')
  t.is(result.bind?.verdict, 'blocked')
  t.is(result.bind?.waited, true)
  t.is(result.bind?.waitSeconds, null)
  const events = readEvents(out)
  agreesWithLog(t, result, events)
  const attempts = attemptsOf(events, 'server-closes-first')
  t.true(attempts.length > 1)
  const restart = events.find(({step}) => step === 'successor.start')
  const restartedAt = (restart?.seconds ?? 0) - Number(restart?.tookSeconds)
  t.true((attempts.at(-1)?.seconds ?? 0) - restartedAt > 1, 'it tried up to the limit')
})

test('a port whose old server ends after 2 s is granted then, as its log computed again says too', async (t) => {
  const out = temporaryFolder(t)
  const {status, stdout, stderr} = await runCli(t, [
    ...['run', 'old-server-still-listening', '--out', out],
  ])
  t.is(status, 0, stderr)
  const result = resultOf(readReport(out), 'old-server-still-listening')
  t.is(result.status, 'as-expected', result.reason)
  t.is(result.bind?.verdict, 'delayed')
  t.is(result.bind?.firstError?.code, 'EADDRINUSE')
  const waitSeconds = result.bind?.waitSeconds ?? 0
  t.true(waitSeconds > 1.9 && waitSeconds < 20, `${waitSeconds} s: no residue's time`)
  agreesWithLog(t, result, readEvents(out))
  t.regex(stdout, /old-server-still-listening .*server LISTEN .*delayed .*as expected/)
})

test('run --repeat plays a scenario several times, each on a port of its own, and reports each', async (t) => {
  const out = temporaryFolder(t)
  const args = ['run', '--quick', '--repeat', '3', 'server-aborts', '--out', out]
  const {status, stderr} = await runCli(t, args)
  t.is(status, 0, stderr)
  const {repeats, spread} = resultOf(readReport(out), 'server-aborts')
  t.deepEqual(
    repeats?.map(({bind}) => bind?.verdict),
    ['immediate', 'immediate', 'immediate'],
  )
  t.deepEqual(spread?.waitSeconds, [0, 0, 0])
  const granted = readEvents(out).filter(({event}) => event === 'bind-attempt')
  t.deepEqual(granted.map(({repetition}) => repetition).sort(), [1, 2, 3])
})

test("a scenario's id stands for all its arms, and an arm's own for itself", async (t) => {
  const out = temporaryFolder(t)
  const ids = ['client-takes-another-port', 'dual-stack-over-ipv4/ipv6-only']
  const {status, stderr} = await runCli(t, ['run', '--quick', ...ids, '--out', out])
  t.is(status, 0, stderr)
  t.deepEqual(
    readReport(out).results.map(({scenario}) => scenario),
    [
      'client-takes-another-port/plain',
      'client-takes-another-port/node',
      'dual-stack-over-ipv4/ipv6-only',
    ],
  )
})
