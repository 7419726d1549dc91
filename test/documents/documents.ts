/** Real documents, and what hostile hands would make of them. */
import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {gunzipSync} from 'node:zlib'
import {judge} from '../../harness/compare/baseline.ts'
import {compare} from '../../harness/compare/compare.ts'
import {type ComparableDocument, readDocuments} from '../../harness/compare/documents.ts'
import type {CheckDocument} from '../../harness/documents/check-schema.ts'
import type {History} from '../../harness/documents/history-schema.ts'
import {type Matrix, matrixSchema} from '../../harness/documents/matrix-schema.ts'
import {type Report, type Result, reportSchema} from '../../harness/documents/report-schema.ts'
import type {Timing} from '../../harness/documents/timing-schema.ts'
import {historyOf} from '../../harness/history/history.ts'
import type {Measure} from '../../harness/history/measures.ts'
import {linux} from '../../harness/platforms/linux.ts'
import {policiesDocument} from '../../harness/policies/document.ts'
import {readReleases} from '../../harness/policies/recorded.ts'
import {policies} from '../../harness/policies/table.ts'
import {timingDocument} from '../../harness/timing/document.ts'
import {kindOf, type RunDocument, type ShownDocument} from '../../harness/views/kinds.ts'
import {around, host, record, recordsOf, waited} from '../history/records.ts'
import {onUnixSocket, reloaded, startedTwice} from './checks.ts'

const recordedFolder = fileURLToPath(new URL('../../logs/recorded', import.meta.url))
const recorded = (path: string) => join(recordedFolder, path)

/** The folders of two systems that were recorded. */
export const recordedLinux = recorded('linux-6.18')
export const recordedGvisor = recorded('gvisor-20221219')

/** What a release from before rules had ids recorded on them. */
const earlier = (system: string) => fileURLToPath(new URL(`earlier/${system}`, import.meta.url))
export const earlierLinux = earlier('linux')
export const earlierGvisor = earlier('gvisor')

/** A full run that was recorded, on Linux if no other system is named. */
export function recordedReport(folder = recordedLinux): Report {
  return reportSchema.parse(readRecorded(join(folder, 'report.json.gz')))
}

/** The bind table that was recorded on Linux. */
export function recordedMatrix(): Matrix {
  return matrixSchema.parse(readRecorded(join(recordedLinux, 'matrix.json.gz')))
}

function readRecorded(file: string): unknown {
  return JSON.parse(gunzipSync(readFileSync(file)).toString('utf8'))
}

/** One of each kind, by what it is. */
export async function realDocuments(): Promise<Record<string, RunDocument>> {
  const onLinux = await readDocuments(recordedLinux)
  const onGvisor = await readDocuments(recordedGvisor)
  const contents = Object.fromEntries(onLinux.map(({kind, content}) => [kind, content]))
  const recordedReleases = await readReleases(join(recordedLinux, 'report.json.gz'))
  return {
    ...(contents as Record<ComparableDocument['kind'], RunDocument>),
    report: withPackets(contents.report as Report),
    timing: timingOf(recordedReleases.releaseSeconds),
    policies: policiesDocument({
      policies,
      recorded: recordedReleases,
      measuredNow: false,
      cost: {untilBindSeconds: 0.04, untilEndSeconds: 0.05},
    }),
    check: unsafeCheck(),
    reload: reloaded(unsafeCheck()),
    twice: startedTwice(unsafeCheck()),
    socket: onUnixSocket(unsafeCheck()),
    survey: {
      format: 'rebind-survey',
      version: 1,
      host: recordedReport().host,
      servers: [
        {
          id: 'node',
          title: 'Node',
          status: 'measured',
          version: '20.20.2',
          reuseaddr: false,
          outageSeconds: null,
          check: unsafeCheck(),
        },
        {
          id: 'go',
          title: 'Go',
          status: 'failed',
          reason: 'it does not build',
          version: null,
          reuseaddr: null,
          outageSeconds: null,
          check: null,
        },
      ],
      wallSeconds: 3,
    },
    history: historyExample(),
    comparison: compare([...onLinux, ...onGvisor]),
    judgement: judge(onLinux, onLinux.map(changed)),
  }
}

/** As `rebind run --packets` would tell of the first scenario. */
function withPackets(report: Report): Report {
  const [first, ...others] = report.results
  if (first === undefined) return report
  const packets: Result['packets'] = {
    file: 'first.pcap',
    count: 100,
    whole: false,
    droppedByFilter: 2,
    ladder: [
      {seconds: 1, from: 'client', flags: ['SYN'], connection: 1, client: 'SYN_SENT'},
      {seconds: 2, from: 'server', flags: ['FIN', 'ACK'], bytes: 7, connection: 1, dropped: true},
    ],
    leftOutAfter: 1,
    claims: [{claim: 'server-fin-first', says: 'the server closes first', holds: false}],
  }
  return {...report, results: [{...first, packets}, ...others]}
}

/** As `rebind timing` would tell of these releases. */
function timingOf(releaseSeconds: readonly number[]): Timing {
  const {host, run} = recordedReport()
  const range = linux.rules?.release('TIME_WAIT', host.settings)
  return timingDocument({
    run: {...run, cpuSeconds: 1},
    host,
    residue: 'TIME_WAIT',
    spreadSeconds: 1,
    origin: 0,
    expected: range?.endsBy === 'kernel' ? range : null,
    releases: releaseSeconds.map((seconds, index) => ({
      port: 20_000 + index,
      appeared: {from: index * 0.1, to: index * 0.1},
      attempts: 3,
      firstAttemptAt: index * 0.1,
      lastRefusedAt: index * 0.1 + seconds - 0.001,
      grantedAt: index * 0.1 + seconds,
      kernelTimerSeconds: 60,
    })),
  })
}

/** A check of a server that cannot be restarted, and says so. */
function unsafeCheck(): CheckDocument {
  return {
    format: 'rebind-check',
    version: 1,
    host: recordedReport().host,
    command: ['node', 'server.js'],
    port: 3000,
    address: '127.0.0.1',
    stop: 'SIGTERM',
    safe: false,
    runtime: 'Node',
    reuseaddr: {set: false, because: 'it was refused over TIME_WAIT'},
    problem: {kind: 'exited', message: 'it ended', remedy: 'start it by hand'},
    rounds: [
      {
        startupSeconds: 0.1,
        exitSeconds: 0.01,
        exitedBy: 'SIGTERM',
        exitStatus: 0,
        exitSignal: null,
        stopTimedOut: false,
        connections: {open: 1, accepted: 1, reset: 0},
        residue: [{endpoint: 'server', state: 'TIME_WAIT', count: 1}],
        verdict: 'blocked',
        attempts: 3,
        outageSeconds: null,
        waitSeconds: null,
        refusedConnections: 120,
        failedConnections: 2,
        errors: [
          {
            code: 'EADDRINUSE',
            what: 'exited with status 1',
            exitStatus: 1,
            exitSignal: null,
            lines: ['Error: listen EADDRINUSE'],
            firstAttempt: 1,
            count: 3,
          },
        ],
        survivors: [],
      },
    ],
    advice: ['Set the option before bind().'],
  }
}

/** A kernel that keeps the port for half as long since an upgrade, and a server that can no longer be restarted. */
function historyExample(): History {
  const days = [...around(61, 12), ...around(30, 12)].map((value, index): Measure[] => [
    waited(value),
    waited(0, {subject: 'server-aborts', answers: ['immediate']}),
    waited(index === 20 ? null : 0.3, {subject: 'check 3000: node server.js', answers: ['safe']}),
    ...(index < 5 ? [waited(2, {subject: 'other-user/listening'})] : []),
    ...(index < 15
      ? [waited(0, {subject: 'client-aborts', answers: ['immediate']})]
      : [waited(null, {subject: 'client-aborts', answers: ['blocked']})]),
  ])
  const upgraded = host({release: '6.19.1'})
  const runs = recordsOf(days).map((run, index) => (index < 12 ? run : {...run, host: upgraded}))
  const tables = [Uint8Array.of(2, 2, 1), Uint8Array.of(1, 1, 1)].map((outcomes, index) =>
    record(11 + index, {
      ...{kind: 'matrix', file: `${index}/matrix.json`, dated: 'file', outcomes},
      host: index === 0 ? host() : upgraded,
    }),
  )
  return historyOf({
    records: [...runs, ...tables].sort((one, other) => one.at.localeCompare(other.at)),
    skipped: [
      {file: 'old/report.json', because: 'is cut off in the middle; fetch it again', at: null},
    ],
    cells: ['TIME_WAIT none@127.0.0.1 -> none@127.0.0.1', 'LISTEN none@::1 -> none@::1', 'a'],
    outcomes: ['', 'granted', 'EADDRINUSE'],
  })
}

/** As if the system had begun to grant everything at once. */
function changed(document: ComparableDocument): ComparableDocument {
  if (document.kind === 'matrix') return document
  const results = document.content.results.map((result) =>
    result.bind === null
      ? result
      : {...result, bind: {...result.bind, verdict: 'immediate' as const, firstError: null}},
  )
  return {...document, content: {...document.content, results}}
}

/** What would show if one value anywhere were not escaped for where it stands. */
export const hostileText =
  '</style></svg></text><script>alert(1)</script><img src=x onerror=alert(1)>"\' onload=alert(1) x="' +
  '&#60;b>{{x}}url(https://example.net)\u0000\u001b[2J\u202e]]>--><!--' +
  '\u009b31m\u001b]8;;https://example.net\u0007a link\u001b]8;;\u0007\u001b[5;5H\u2066\u2028' +
  '\r\n::error title=forged::gone\nok 1 - forged\n# forged\n| a | b |\n```\n[x](javascript:alert(1))\n' +
  'see http://example.org/a_b, ftp://example.org, www.example.org, mailto:a@example.org, @octocat, a/b#12, GH-12'

/** The document with hostile text in every place where its schema takes any text. */
export async function withHostileText<Document extends ShownDocument>(
  document: Document,
): Promise<Document> {
  const schema = await kindOf(document).schema()
  const copy = structuredClone(document)
  const tried = new Set<string>()
  const free = new Set<string>()
  walk(copy, [], (path, holder, key) => {
    const place = path.map((step) => (typeof step === 'number' ? '*' : step)).join('.')
    if (!tried.has(place)) {
      tried.add(place)
      const before = holder[key]
      holder[key] = hostileText
      if (schema.safeParse(copy).success) free.add(place)
      else holder[key] = before
    }
    if (free.has(place)) holder[key] = `${hostileText}${path.join('.')}`
  })
  return copy
}

type Holder = Record<string | number, unknown>

function walk(
  value: unknown,
  path: (string | number)[],
  visit: (path: (string | number)[], holder: Holder, key: string | number) => void,
): void {
  if (typeof value !== 'object' || value === null) return
  for (const [name, member] of Object.entries(value)) {
    const key = Array.isArray(value) ? Number(name) : name
    if (typeof member === 'string') visit([...path, key], value as Holder, key)
    else walk(member, [...path, key], visit)
  }
}
