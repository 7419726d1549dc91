/** Everything that we read, what is made of it, and what must hold whatever it holds. */
import {
  closeSync,
  constants,
  ftruncateSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {gzipSync} from 'node:zlib'
import {CommanderError} from 'commander'
import fc from 'fast-check'
import {unescapeText} from '../../harness/check/escapes.ts'
import {fillOptions} from '../../harness/check/options.ts'
import {collectLines} from '../../harness/check/output-lines.ts'
import {openServerLog} from '../../harness/check/server-log.ts'
import {commandLine} from '../../harness/commands/command-line.ts'
import {
  countUpTo,
  environmentVariable,
  portNumber,
  portOrPath,
  seconds,
} from '../../harness/commands/options.ts'
import {judge} from '../../harness/compare/baseline.ts'
import {compare} from '../../harness/compare/compare.ts'
import {readDocuments} from '../../harness/compare/documents.ts'
import {judgeByLast} from '../../harness/compare/last.ts'
import type {History} from '../../harness/documents/history-schema.ts'
import {pcapRecord} from '../../harness/documents/pcap.ts'
import {readObject, validated} from '../../harness/documents/read-json.ts'
import type {Report} from '../../harness/documents/report-schema.ts'
import {UsageError} from '../../harness/errors.ts'
import {annotationLine, newsOf} from '../../harness/feeds/github.ts'
import {
  historyAsBenchmarks,
  historyAsBmf,
  historyAsCsv,
} from '../../harness/feeds/history-exports.ts'
import {renderJunit} from '../../harness/feeds/junit.ts'
import {type JudgedDocument, suiteOf} from '../../harness/feeds/suite.ts'
import {renderTap} from '../../harness/feeds/tap.ts'
import {historyOf} from '../../harness/history/history.ts'
import {readRecords} from '../../harness/history/read.ts'
import {parseLsof} from '../../harness/platforms/lsof.ts'
import {parseNetstat} from '../../harness/platforms/netstat.ts'
import {parseProcNetUnix} from '../../harness/platforms/proc-holders.ts'
import {readTcpCounters} from '../../harness/platforms/proc-net-snmp.ts'
import {parseProcNetTcp} from '../../harness/platforms/proc-net-tcp.ts'
import {parseProcCmdline, parseProcStatus} from '../../harness/platforms/proc-processes.ts'
import {parsePasswd} from '../../harness/platforms/users.ts'
import {wireClaimIds} from '../../harness/platforms/wire-claims.ts'
import {readReleases} from '../../harness/policies/recorded.ts'
import {BoundedOutput} from '../../harness/processes/bounded-output.ts'
import {parseProcStat, parsePs} from '../../harness/processes/process-table.ts'
import {isAnswer, isPace, isRequest, isTold, requests} from '../../harness/processes/protocol.ts'
import {withoutTrailingSpace} from '../../harness/render/fitted-table.ts'
import {literal, renderAsMarkdown} from '../../harness/render/markdown.ts'
import {renderForTerminal} from '../../harness/render/terminal.ts'
import {wrap} from '../../harness/render/wrap.ts'
import {reportedPackets} from '../../harness/restart/packets.ts'
import {chooseScenarios} from '../../harness/run/choose.ts'
import {foldRunLog, partialReport} from '../../harness/run/partial-report.ts'
import {scenarioProblem} from '../../harness/run/scenario-schema.ts'
import {printable, withoutRunnerCommands} from '../../harness/text.ts'
import {checkView} from '../../harness/views/check.ts'
import {comparisonView, judgementView} from '../../harness/views/comparison.ts'
import {historyView} from '../../harness/views/history.ts'
import {renderHtml} from '../../harness/views/html/render.ts'
import {keptKinds, kindOf, type RunDocument} from '../../harness/views/kinds.ts'
import {markdownOf} from '../../harness/views/markdown.ts'
import {matrixView} from '../../harness/views/matrix.ts'
import {policiesView} from '../../harness/views/policies.ts'
import {reportView} from '../../harness/views/report.ts'
import {surveyView} from '../../harness/views/survey.ts'
import {timingView} from '../../harness/views/timing.ts'
import {containerIn, publishersIn} from '../../harness/why/containers.ts'
import {refusedIn} from '../../harness/why/port-in-message.ts'
import {shortCommand} from '../../harness/why/words.ts'
import {openLines} from '../../harness/wrap/lines.ts'
import {scenarios} from '../../scenarios/index.ts'
import {realDocuments} from '../documents/documents.ts'
import {hostileText, mutatedBytes, mutatedJson, mutatedText, mutatedValue} from './mutations.ts'

export interface Target {
  name: string
  input: fc.Arbitrary<unknown>
  /** Reads the input as the program does, and returns what a person would be shown of it. */
  run(input: never): string | Promise<string>
  /** How many inputs it gets, of those that the others get; 1 where it costs as little as they. */
  share?: number
  /** Of what can be said besides; see `examine` for what must hold always. */
  holds?(shown: string, input: never): boolean
}

/** Of processor time: far more than any input takes; what is quadratic in a long input takes more. */
const mostSeconds = 3
const longestComplaint = 1000

/** Whatever moves a cursor, begins an escape sequence, breaks a line elsewhere or turns one around. */
const harmful =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

/**
 * What must hold of every input: it is read, or refused in one plain line; soon; and what is shown of it is
 * harmless, and so is what is left behind.
 * @throws Error that says what does not hold
 */
export async function examine({run, holds = () => true}: Target, input: unknown): Promise<void> {
  const began = process.cpuUsage()
  let shown = ''
  try {
    shown = await run(input as never)
  } catch (error) {
    if (!(error instanceof UsageError) && (error as Error).name !== 'InvalidArgumentError') {
      throw error
    }
    const {message} = error as Error
    const isPlain = printable(message) === message && message.length < longestComplaint
    if (!isPlain) throw new Error(`complains in more than one plain line: ${message}`)
  }
  const {user, system} = process.cpuUsage(began)
  const found = harmful.exec(shown)
  if (found !== null) throw new Error(`shows ${JSON.stringify(found[0])}`)
  if (!holds(shown, input as never)) throw new Error(`does not hold of ${JSON.stringify(shown)}`)
  if (Object.keys(Object.prototype).length > 0) throw new Error('has changed every object')
  if ((user + system) / 1e6 > mostSeconds) throw new Error(`took ${(user + system) / 1000} ms`)
}

const folder = mkdtempSync(join(tmpdir(), 'rebind-fuzz-'))
process.once('exit', () => rmSync(folder, {recursive: true, force: true}))

/**
 * Writes over what the file held, and then cuts off the rest. In the other order a file system may put each
 * input on the disk before the next one (ext4 does), which takes most of the time.
 */
function inFile(name: string, bytes: Buffer): string {
  const path = join(folder, name)
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT)
  try {
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(file, bytes, written, bytes.length - written, written)
    }
    ftruncateSync(file, bytes.length)
  } finally {
    closeSync(file)
  }
  return path
}

/** Short documents: what is long in them is more of the same. */
function short<T>(value: T): T {
  if (Array.isArray(value)) return value.slice(0, 2).map(short) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, short(each)])) as T
}

const documents: Record<string, RunDocument> = short(await realDocuments())
const report = documents.report as Report
const reports = report.results.map((result) => ({...report, results: [result]}))
const known = await readDocuments(inFile('known.json', Buffer.from(JSON.stringify(report))))
const knownTable = await readDocuments(
  inFile('known.json', Buffer.from(JSON.stringify(documents.matrix))),
)

/** As `rebind compare` does, with and without --baseline. */
async function comparedFile(bytes: Buffer): Promise<string> {
  const read = await readDocuments(inFile('compared.json', bytes))
  const comparison = compare([...known, ...knownTable, ...read])
  return [
    renderForTerminal(comparisonView(comparison), 80),
    renderAsMarkdown(comparisonView(comparison)),
    renderForTerminal(judgementView(judge([...known, ...knownTable], read)), 80),
  ].join('')
}

function asCases(document: JudgedDocument): string {
  const suite = suiteOf(document, {startedAt: '2026-11-24T00:00:00.000Z', wallSeconds: 1})
  const {annotations} = newsOf(suite, '')
  return [renderJunit(suite), renderTap(suite), ...annotations.map(annotationLine)].join('\n')
}

const terminals: Record<string, (document: never) => string> = {
  report: (document: Report) =>
    renderForTerminal(reportView(document, {log: null, sentences: []}), 80) + asCases(document),
  matrix: (document: never) => renderForTerminal(matrixView(document), 80) + asCases(document),
  timing: (document: never) => renderForTerminal(timingView(document), 80) + asCases(document),
  policies: (document: never) => renderForTerminal(policiesView(document), 80),
  check: (document: never) => renderForTerminal(checkView(document), 80) + asCases(document),
  survey: (document: never) => renderForTerminal(surveyView(document), 80) + asCases(document),
  history: (document: History) =>
    [
      ...[
        renderForTerminal(historyView(document), 80),
        historyAsCsv(document).replaceAll('\r', ''),
      ],
      ...[historyAsBmf(document), historyAsBenchmarks(document)],
    ].join(''),
  comparison: (document: never) => renderForTerminal(comparisonView(document), 80),
  judgement: (document: never) => renderForTerminal(judgementView(document), 80),
}

/** As `rebind report` does, and as the command shows it that wrote the document. */
function documentTarget(kind: string): Target {
  const document = documents[kind]
  const terminal = terminals[kind]
  if (document === undefined || terminal === undefined) throw new Error(`there is no ${kind}`)
  return {
    name: `document-${kind}`,
    input: mutatedJson(kind === 'report' ? reports : [document]),
    async run(bytes: Buffer) {
      const file = inFile(`${kind}.json`, bytes)
      const schema = await kindOf(document).schema()
      const read = validated(file, schema, await readObject(file))
      return (await markdownOf(read, {log: null, sentences: []})) + terminal(read as never)
    },
  }
}

const events = [
  {
    ...{event: 'run-start', run: 'a', seconds: 0, scenario: null, limitSeconds: 9},
    startedAt: report.run.startedAt,
    command: ['run'],
    host: report.host,
    scenarios: ['server-closes-first', 'server-aborts'],
  },
  {
    ...{event: 'state', scenario: 'server-closes-first', seconds: 1, endpoint: 'server'},
    ...{socket: 'connection', connection: 1, state: 'TIME_WAIT', expiresInSeconds: 60},
  },
  {event: 'step', scenario: 'server-closes-first', seconds: 1, step: 'exit', tookSeconds: 0.1},
  {
    ...{event: 'bind-attempt', scenario: 'server-closes-first', seconds: 1, attempt: 1},
    ...{outcome: 'refused', code: 'EADDRINUSE', errno: 98},
  },
  {event: 'result', scenario: 'server-aborts', seconds: 2, result: report.results[0]},
  {event: 'process', scenario: 'server-aborts', seconds: 2, pid: 7},
  {event: 'run-end', seconds: 3},
].map((event) => JSON.stringify(event))
const logs = [`${events.join('\n')}\n`, events.slice(0, 4).join('\n')]

const netstat = [
  `Active Internet connections (including servers)
Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)
tcp4       0      0  127.0.0.1.8080         127.0.0.1.52344        FIN_WAIT_2
tcp46      0      0  *.8080                 *.*                    LISTEN
tcp6       0      0  fe80::1c2a:3bff:.8080  fe80::88:91ff:fe.52351 ESTABLISHED
`,
  'tcp4 0 0 127.0.0.1.8080 127.0.0.1.52345 TIME_WAIT 131072 131072 7 0',
]
const lsof = [
  'p12\nR1\ncnode\nu501\nLjoe\nf20\nn127.0.0.1:8080\nTST=LISTEN\nTQR=0\nf21\nn*:80\nTST=LISTEN\n',
  'p9\ncnc\nf3\nn127.0.0.1:8080->127.0.0.1:51234\nTST=ESTABLISHED\np\nf\nn',
]
const procNetTcp = [
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n' +
    '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 432285 1\n' +
    '   1: 0100007F:1F90 0100007F:C001 06 00000000:00000000 03:0000176F 00000000     0        0 0 3\n',
  '   7: 00000000000000000000000001000000:1F90 0000000000000000FFFF00000100007F:C001 01 0:0 01:14 0 0 0 77',
]
const procNetUnix = [
  'Num       RefCount Protocol Flags    Type St Inode Path\n' +
    'ffff8880: 00000002 00000000 00010000 0001 01 23456 /run/app.sock\n' +
    'ffff8881: 00000003 00000000 00000000 0001 03 23457 @abstract\n',
]
/** SYN, ACK and five bytes of data, as they were captured on lo. */
const records = Buffer.concat(
  [
    '00000000000000000000000008004500003c0000400040063cba7f0000017f0000012710cb2667442e8378b6056da012ffcbfe3000000204ffd70402080a4953a239bbaa68bd0103030a',
    '00000000000000000000000008004500003a3d0d40004006ffae7f0000017f0000012710cb2667442e8478b6056d80180040fe2e00000101080a4953a23fbbaa68bd68656c6c6f0a',
  ].map((hex) => {
    const bytes = Buffer.from(hex, 'hex')
    return pcapRecord({seconds: 1, nanoseconds: 2, length: bytes.length, bytes})
  }),
)
const procNetSnmp = [
  'Ip: Forwarding\nIp: 1\nTcp: RtoAlgorithm RetransSegs InErrs OutRsts\nTcp: 1 20 30 40\n',
]
const procStatus = ['Name:\tnode\nUmask:\t0022\nPPid:\t1\nUid:\t1000\t1001\t1000\t1000\nGid:\t0\n']
const passwd = ['root:x:0:0:root:/root:/bin/bash\njoe:x:501:20:Joe:/home/joe:/bin/sh\ntoor:x:0:0\n']
const ps = ['  4711     1  4711 Ss   Thu Nov 26 22:13:23 2026\n  4712  4711  4711 Z+\n', '7 1 7 R']
const containers = [
  'web\t0.0.0.0:8080->80/tcp, [::]:8000-9000->80/tcp\ndb\t5432/tcp\n',
  `0::/system.slice/docker-${'a'.repeat(64)}.scope\n1:cpu:/libpod-${'b'.repeat(64)}\n`,
]
const refusals = [
  'Error: listen EADDRINUSE: address already in use :::8080\n    at Server.listen (node:net:1:2)\n',
  'bind() to unix:/run/a.sock failed (98: Address already in use)\nlisten tcp [::1]:80: bind: in use',
  "error while attempting to bind on address ('127.0.0.1', 8000): Address already in use port=1",
]
const procStat = [
  '4711 (node) S 1 4711 4711 0 -1 4194560 0 0 0 0 1 2 0 0 20 0 11 0 987654 1 2 3',
  '7 (a) (b c) Z 4711 7 7 0\n',
]

const ownScenario = {
  title: 'A title',
  claim: 'A claim.',
  predecessor: {bind: 'none', address: '127.0.0.1', port: 8080, reads: false},
  successor: {opener: 'node', retry: {retries: 3, minTimeout: 100}},
  client: {bind: 'both'},
  namespace: {settings: {tcp_fin_timeout: 5}, dropsPackets: true},
  residue: {server: 'TIME_WAIT', client: 'CLOSE_WAIT'},
  counts: {connections: 1},
  advice: {says: 'Wait.', predicts: {verdict: 'delayed'}},
  arms: {one: {claim: 'Another.'}, two: {predecessor: {bind: 'both'}}},
}

const messages = [
  {actor: 0, tells: {notice: 'ready', pid: 7}},
  {actor: 3, tells: {notice: 'attempts', attempts: [{attempt: 1, seconds: 1, outcome: 'granted'}]}},
  {actor: 0, tells: {notice: 'command-output', pid: 7, stream: 'stdout', text: 'x'}},
  {actor: 0, tells: {notice: 'command-ended', pid: 7, code: null, signal: 'SIGTERM', seconds: 1}},
  {answerTo: 1, result: {from: 1, to: 2}},
  {answerTo: 1, error: {code: 'EADDRINUSE', errno: 98, syscall: 'bind', message: 'x'}},
  {actor: 3, pace: {kind: 'dense-from', at: 1, everyMilliseconds: 1}},
  {
    ...{id: 1, actor: 0, role: 'predecessor', request: 'listen'},
    params: {opener: 'node', bind: 'none', address: '::1', port: 0, reads: true, greeting: 'x'},
  },
  {
    ...{id: 2, actor: 0, role: 'keeper', request: 'set-up-namespace'},
    params: {host: 7, fd: 20, settings: {tcp_fin_timeout: 5}},
  },
  {
    ...{id: 3, actor: 0, role: 'guardian', request: 'start-command'},
    params: {command: 'node', args: ['x'], env: {PATH: '/'}, cwd: '/'},
  },
]

/** A parser that never complains: whatever it does not know it passes over. */
function parser(
  name: string,
  samples: readonly string[],
  parse: (text: string) => unknown,
): Target {
  return {
    name,
    input: mutatedText(samples),
    run: (text: string) => printable(JSON.stringify(parse(text)) ?? ''),
  }
}

const commands = commandLine().commands
const optionNames = commands.flatMap(({options}) =>
  options.flatMap(({long, short}) => [long ?? '', short ?? '']),
)
/** Command lines of known words in any order, with hostile ones between them. */
const typedWords = fc.array(
  fc.oneof(
    {weight: 2, arbitrary: fc.constantFrom(...commands.map((command) => command.name()))},
    {weight: 3, arbitrary: fc.constantFrom(...optionNames, '--', '-', '--help', '--version')},
    {weight: 3, arbitrary: fc.constantFrom('8080', '0', 'server-closes-first', 'SIGTERM', 'A=b')},
    {weight: 2, arbitrary: hostileText(['--port=8080', '--limit', 'linux.json'])},
  ),
  {maxLength: 8},
)

/** Parses a command line as the program does, but for the command itself; what is said is returned. */
async function parsed(words: readonly string[]): Promise<string> {
  let said = ''
  const program = commandLine()
  for (const command of program.commands) {
    command.action((...given) => {
      said += printable(JSON.stringify(given.slice(0, -1)))
    })
  }
  const say = (text: string) => {
    said += text
  }
  for (const each of [program, ...program.commands]) {
    each.configureOutput({writeOut: say, writeErr: say})
  }
  await program.parseAsync([...words], {from: 'user'}).catch((error) => {
    if (!(error instanceof CommanderError)) throw error
  })
  return said
}

/** More than is kept of what a server writes, without an end of a line or with nothing but ends. */
const endless = ['x', 'could not bind ', '世', '\u001b[', 'x\n'].map((text) =>
  Buffer.from(text.repeat(100_000 / text.length)),
)
const writtenText = fc.array(
  fc.oneof(
    {
      weight: 19,
      arbitrary: mutatedBytes([
        'listening on 3000\n',
        'Error: listen EADDRINUSE: address already in use\r\n',
        '\u001b[31mError\u001b[0m: \u001b]8;;http://x\u0007could not bind: in use\n',
      ]),
    },
    {weight: 1, arbitrary: fc.constantFrom(...endless)},
  ),
  {maxLength: 4},
)

const often = (...texts: string[]) =>
  fc.oneof(
    {weight: 4, arbitrary: fc.constantFrom(...texts)},
    {weight: 1, arbitrary: hostileText(texts)},
  )
/** A field of 64 KB, of what a pattern may take for the beginning of something over and over. */
const longText = fc
  .tuple(
    often('\u001b', 'a'),
    often(';#', '\u001b;#', '\u001b[0;', '\u001b]8;;', ' ', '\0', '::a', '##[', 'http://', '@a'),
    often('x', '\u0007'),
  )
  .map(([head, unit, tail]) => head + unit.repeat(65_536 / Math.max(1, unit.length)) + tail)

export const targets: readonly Target[] = [
  {
    name: 'long-text',
    share: 0.1,
    input: longText,
    run: (text: string) =>
      [
        printable(text),
        literal(text),
        withoutRunnerCommands(printable(text)),
        shortCommand(parseProcCmdline(text)),
        wrap(printable(text), 80),
        withoutTrailingSpace(printable(text)),
      ].join('\n'),
  },
  {name: 'compare-report', input: mutatedJson(reports), run: comparedFile},
  {name: 'compare-matrix', input: mutatedJson([documents.matrix]), run: comparedFile},
  {
    name: 'compare-gzipped',
    input: fc
      .tuple(mutatedJson(reports), fc.option(fc.tuple(fc.nat(), fc.nat(255))))
      .map(([text, damage]) => {
        const packed = gzipSync(text)
        if (damage !== null) packed[damage[0] % packed.length] = damage[1]
        return packed
      }),
    run: async (bytes: Buffer) =>
      printable(JSON.stringify(await readDocuments(inFile('compared.json.gz', bytes)))),
  },
  ...Object.keys(terminals).map(documentTarget),
  {
    name: 'policies-of-a-run',
    input: mutatedJson([...reports, documents.timing]),
    run: async (bytes: Buffer) =>
      printable(JSON.stringify(await readReleases(inFile('run.json', bytes)))),
  },
  {
    name: 'history',
    input: mutatedJson([...reports, documents.timing, documents.check, documents.matrix]),
    async run(bytes: Buffer) {
      const records = await readRecords([inFile('2026-11-27.json', bytes)])
      const judgement = judgeByLast(records, 10)
      return [historyView(historyOf(records)), judgementView(judgement)]
        .map((view) => renderForTerminal(view, 80))
        .join('')
    },
  },
  {
    name: 'page-of-a-report',
    share: 0.02,
    input: mutatedValue(reports),
    async run(value: unknown) {
      const file = inFile('page.json', Buffer.from(JSON.stringify(value) ?? ''))
      const schema = await keptKinds.report.schema()
      return renderHtml([validated(file, schema, await readObject(file))])
    },
    holds: (page) => !/<script|<img/i.test(page),
  },
  {
    name: 'events',
    input: mutatedBytes(logs),
    async run(bytes: Buffer) {
      const {log, seen} = await foldRunLog(inFile('events.ndjson', bytes))
      if (log.start === null) return ''
      const schema = await keptKinds.report.schema()
      const made = schema.parse(partialReport(log, seen, log.start, scenarios))
      return markdownOf(made, {log, sentences: []})
    },
  },
  {
    name: 'packets',
    input: fc
      .tuple(
        fc.array(fc.tuple(fc.nat({max: records.length - 1}), fc.nat({max: 255})), {maxLength: 8}),
        fc.nat({max: records.length}),
      )
      .map(([changes, length]) => {
        const bytes = Buffer.from(records)
        for (const [at, value] of changes) bytes[at] = value
        return bytes.subarray(0, length)
      }),
    run: (bytes: Buffer) =>
      JSON.stringify(
        reportedPackets({records: bytes, moments: [], lost: 0}, 10_000, 0, wireClaimIds),
      ),
  },
  parser('netstat', netstat, parseNetstat),
  parser('lsof', lsof, parseLsof),
  parser('proc-net-tcp', procNetTcp, parseProcNetTcp),
  parser('proc-net-unix', procNetUnix, parseProcNetUnix),
  parser('proc-stat', procStat, parseProcStat),
  parser('proc-status', procStatus, parseProcStatus),
  parser('passwd', passwd, (text) => [...parsePasswd(text)]),
  parser('ps', ps, parsePs),
  parser('error-message', refusals, refusedIn),
  parser('containers', containers, (text) => [publishersIn(text, 8080), containerIn(text)]),
  {
    name: 'proc-net-snmp',
    input: mutatedBytes(procNetSnmp),
    async run(bytes: Buffer) {
      inFile('snmp', bytes)
      return printable(JSON.stringify(await readTcpCounters(folder)))
    },
  },
  {
    name: 'scenario',
    input: mutatedValue([ownScenario]),
    run: (value: object) =>
      printable(scenarioProblem(Object.assign(Object(value), {script: () => undefined})) ?? ''),
  },
  {
    name: 'server-output',
    input: writtenText,
    async run(chunks: Buffer[]) {
      let shown = ''
      const lines = collectLines()
      const log = openServerLog('/dev/null', (line) => {
        shown += line
      })
      const output = new BoundedOutput((text) => {
        lines.add(text)
        log.add({pid: 1, stream: 'stdout', text})
      })
      for (const chunk of chunks) output.add(chunk)
      output.end()
      await log.close()
      return shown + lines.errorLines().map(printable).join('\n')
    },
    holds: (shown) => shown.length < 2_000_000,
  },
  {
    name: 'wrapped-output',
    input: writtenText,
    run(chunks: Buffer[]) {
      const lines = openLines()
      const pieces = chunks.flatMap((chunk) => lines.pieces(chunk))
      const passed = Buffer.concat(pieces.map(({bytes}) => bytes))
      if (!passed.equals(Buffer.concat(chunks))) throw new Error('the bytes are others')
      return printable(JSON.stringify([...pieces.map(({named}) => named), lines.end()]))
    },
  },
  {
    name: 'send-escapes',
    input: hostileText(['GET / HTTP/1.1\\r\\nHost: x\\r\\n', '\\x00\\u4e16\\uD83D\\uDD0C\\\\']),
    run: (text: string) => unescapeText(text).toString('hex'),
  },
  {
    name: 'arguments',
    input: fc.tuple(
      fc.nat(8),
      hostileText([
        '150',
        '8080',
        'NODE_ENV=production',
        './app.sock',
        'server-closes-first',
        '::1',
      ]).map((text) =>
        // No argument of a program can hold one.
        text.replaceAll('\0', ''),
      ),
    ),
    run([which, text]: [number, string]) {
      const parsers: readonly ((text: string) => unknown)[] = [
        seconds,
        portNumber,
        countUpTo(1000),
        portOrPath,
        (each) => environmentVariable(each, {KNOWN: 'x'}),
        (each) => Object.keys(chooseScenarios(scenarios, {}, [each])),
        (each) => fillOptions({command: [each], port: 1}).command,
        (each) => fillOptions({command: ['a'], port: 1, address: each}).address,
        (each) => fillOptions({command: ['a'], port: 1, cwd: each}).cwd,
      ]
      return printable(JSON.stringify(parsers[which]?.(text)) ?? '')
    },
  },
  {name: 'command-line', input: typedWords, run: parsed},
  {
    name: 'messages',
    input: mutatedValue(messages),
    run(message: unknown) {
      if (isAnswer(message) || isTold(message) || isPace(message)) return 'known'
      if (!isRequest(message) || !Object.hasOwn(requests, message.request)) return 'unknown'
      const {params} = requests[message.request as keyof typeof requests]
      return params(message.params) ? 'known' : 'malformed'
    },
  },
]
