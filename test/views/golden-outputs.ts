/**
 * What people see of a document of each kind, in each form: `npm run golden` writes it to test/views/golden/, so that
 * a commit shows what it changes for whoever reads them.
 */
import {mkdirSync, rmSync, writeFileSync} from 'node:fs'
import {basename, join} from 'node:path'
import {fileURLToPath, pathToFileURL} from 'node:url'
import {stripVTControlCharacters} from 'node:util'
import {listFor} from '../../harness/commands/list.ts'
import {judge} from '../../harness/compare/baseline.ts'
import {compare} from '../../harness/compare/compare.ts'
import type {ReportDocument} from '../../harness/compare/documents.ts'
import type {CheckDocument} from '../../harness/documents/check-schema.ts'
import type {History} from '../../harness/documents/history-schema.ts'
import type {ScenarioList} from '../../harness/documents/list-schema.ts'
import type {Matrix} from '../../harness/documents/matrix-schema.ts'
import type {Policies} from '../../harness/documents/policies-schema.ts'
import type {Report} from '../../harness/documents/report-schema.ts'
import type {Survey} from '../../harness/documents/survey-schema.ts'
import type {Timing} from '../../harness/documents/timing-schema.ts'
import type {WhyPath, WhyPort} from '../../harness/documents/why-schema.ts'
import {agreementOf} from '../../harness/matrix/judge.ts'
import {linux} from '../../harness/platforms/linux.ts'
import {type Markup, textOf, trusted} from '../../harness/render/html/markup.ts'
import {renderAsHtml} from '../../harness/render/html/view.ts'
import {renderAsMarkdown} from '../../harness/render/markdown.ts'
import type {View} from '../../harness/render/model.ts'
import {renderForTerminal} from '../../harness/render/terminal.ts'
import {checkView} from '../../harness/views/check.ts'
import {comparisonView, judgementView} from '../../harness/views/comparison.ts'
import {findingSentences} from '../../harness/views/findings.ts'
import {historyView} from '../../harness/views/history.ts'
import {listView} from '../../harness/views/list.ts'
import {matrixView} from '../../harness/views/matrix.ts'
import {policiesView} from '../../harness/views/policies.ts'
import {wholeReportView} from '../../harness/views/report.ts'
import {surveyView} from '../../harness/views/survey.ts'
import {timingView} from '../../harness/views/timing.ts'
import {freeView, watchView} from '../../harness/views/watch.ts'
import {whyView} from '../../harness/views/why.ts'
import type {WatchedSocket, WatchReading} from '../../harness/why/watch.ts'
import {scenarios} from '../../scenarios/index.ts'
import {
  realDocuments,
  recordedGvisor,
  recordedLinux,
  recordedMatrix,
  recordedReport,
} from '../documents/documents.ts'

export const goldenFolder = fileURLToPath(new URL('golden/', import.meta.url))

/** Restarts that end in all ways that there are. */
const shown = [
  'server-closes-first',
  'server-closes-first-node',
  'reuseaddr-added-late',
  'client-never-closes',
  'server-aborts',
  'old-server-still-listening',
  'overlapping-handover',
  'client-reconnects-same-port',
  'fin-timeout-ends-fin-wait2/60-seconds',
  'fin-timeout-ends-fin-wait2/5-seconds',
  'lost-last-ack',
]

function fewOf(report: Report): Report {
  return {...report, results: report.results.filter(({scenario}) => shown.includes(scenario))}
}

/** One is not as expected, one failed, one was skipped, one was played three times. */
function troubled(): Report {
  const report = recordedReport()
  const results = fewOf(report).results.map((result) => {
    const {bind, outageSeconds, scenario} = result
    if (scenario === 'server-closes-first') {
      const repeats = [0, 0.5, 1].map((more) => ({
        status: 'as-expected' as const,
        bind: bind === null ? null : {...bind, waitSeconds: (bind.waitSeconds ?? 0) + more},
        outageSeconds,
      }))
      return {...result, repeats}
    }
    const changes: Record<string, Partial<Report['results'][number]>> = {
      'server-closes-first-node': {status: 'unexpected', reason: 'granted, and not refused'},
      'client-never-closes': {
        bind: bind === null ? null : {...bind, verdict: 'immediate', waitSeconds: 0},
      },
      'server-aborts': {status: 'failed', reason: 'the predecessor did not start', bind: null},
      'lost-last-ack': {status: 'skipped', reason: 'no namespaces here', bind: null, timeline: []},
    }
    return {...result, ...changes[scenario]}
  })
  return {...report, run: {...report.run, interrupted: 'SIGINT', partial: true}, results}
}

/** Two addresses of the recorded table; one cell is not as its rule says, one could not be tried. */
function fewCells(): Matrix {
  const matrix = recordedMatrix()
  const addresses = ['127.0.0.1', '0.0.0.0']
  const cells = matrix.cells
    .filter(
      ({predecessor, successor}) =>
        addresses.includes(predecessor.address) && addresses.includes(successor.address),
    )
    .map((cell, index) => {
      if (index === 20) return {...cell, observed: 'EPERM', agrees: false}
      return index === 40 ? {...cell, observed: null, agrees: null, reason: 'no port left'} : cell
    })
  const leftOut = [{address: '::1' as const, reason: 'IPv6 is switched off'}]
  return {...matrix, cells, agreement: agreementOf(cells), leftOut}
}

function safe(check: CheckDocument): CheckDocument {
  const {problem, rounds, ...rest} = check
  return {
    ...rest,
    safe: true,
    reuseaddr: {set: true, because: 'its bind was granted over TIME_WAIT'},
    rounds: rounds.map((round) => ({
      ...round,
      ...{verdict: 'immediate', attempts: 1, outageSeconds: 0.31, waitSeconds: 0, errors: []},
      listened: [
        {pid: 12, from: 0.08, to: 1.311},
        {pid: 15, from: 1.4, to: 1.95},
      ],
    })),
    advice: ['Nothing: the restart is safe.'],
  }
}

function whyPort(timeWaits: number): WhyPort {
  const host = recordedReport().host
  const port = 8088
  const local = {address: '127.0.0.1', port}
  const listening = {pid: 4711, parent: 1, uid: 0, user: 'root', command: 'node server.js'}
  return {
    ...{format: 'rebind-why', version: 1, host, port, bindable: false},
    sockets: [
      {
        ...{state: 'LISTEN', local, remote: {address: '0.0.0.0', port: 0}, expiresInSeconds: null},
        ...{pid: 4711, command: 'node server.js', processes: [listening]},
      },
      ...Array.from({length: timeWaits}, (_, index) => ({
        ...{
          state: 'TIME_WAIT' as const,
          local,
          remote: {address: '127.0.0.1', port: 40_000 + index},
        },
        ...{expiresInSeconds: 50 + index, pid: null, command: null},
      })),
    ],
    bind: ['127.0.0.1', 'dual'].flatMap((address) =>
      (['none', 'reuseaddr', 'reuseport', 'both'] as const).map((bind) => ({
        ...{address, bind, observed: 'EADDRINUSE'},
      })),
    ),
    causes: [
      {
        ...{kind: 'listener', text: 'A server is still running: process 4711.'},
        ...{rule: 'linux/listening', because: 'a listener refuses every bind', source: 'a.c:bind'},
      },
    ],
    advice: [{kind: 'stop-process', text: 'Stop process 4711.', pid: 4711}],
    unseen: ['The processes of other users: run it as root.'],
    freeInSeconds: null,
    freeInSecondsAtLeast: null,
  }
}

function whyPath(): WhyPath {
  return {
    ...{format: 'rebind-why', version: 1, host: recordedReport().host, bindable: null},
    ...{path: '/run/app.sock', processes: []},
    causes: [{kind: 'unix-no-permission', text: 'You may not look into /run.'}],
    advice: [{kind: 'look-as-root', text: 'Ask again as root.'}],
    unseen: [],
  }
}

/** What the rules of Linux predict for a few scenarios. */
function fewListed(): ScenarioList {
  const list = listFor(linux, recordedReport().host.settings, 150)
  return {...list, scenarios: list.scenarios.filter(({scenario}) => shown.includes(scenario))}
}

/** Documents of the kinds that are printed, and kept nowhere. */
export function printedDocuments() {
  return {port: whyPort(2), path: whyPath(), list: fewListed()}
}

export const watchTitle = {port: 8088, began: 100, untilFree: true}

/** A listener, and so many TIME_WAIT sockets. */
export function watched(timeWaits: number): WatchReading {
  const local = {address: '127.0.0.1', port: 8088}
  const holder = {pid: 4711, parent: 1, uid: 0, user: 'root', command: 'node server.js'}
  const sockets: WatchedSocket[] = [
    {
      entry: {
        state: 'LISTEN',
        local,
        remote: {address: '0.0.0.0', port: 0},
        expiresInSeconds: null,
      },
      holders: [holder],
      remaining: null,
    },
    ...Array.from(
      {length: timeWaits},
      (_, index): WatchedSocket => ({
        entry: {
          ...{state: 'TIME_WAIT', local, remote: {address: '127.0.0.1', port: 40_000 + index}},
          expiresInSeconds: 50 + index,
        },
        holders: [],
        remaining: [50 + index, 52 + index],
      }),
    ),
  ]
  const changes = sockets.map(({entry}) => ({change: 'appeared' as const, entry}))
  return {at: 101, sockets, changes}
}

/** It lost some clients, and exceeded a limit. */
function reloaded({problem: _, ...check}: CheckDocument): CheckDocument {
  const process = (pid: number) => ({pid, startedAt: `${pid}`, command: 'node server.js'})
  const lane = {opened: 300, answered: 288, refused: 10, reset: 2, cutOff: 0, unanswered: 0}
  const none = {opened: 0, answered: 0, refused: 0, reset: 0, cutOff: 0, unanswered: 0}
  return {
    ...check,
    ...{safe: false, rounds: [], runtime: 'Node', lossless: false},
    trigger: {
      ...{command: ['touch server.js'], at: [0.6], reloaded: true, answeredAfterSeconds: 0.214},
      withoutListenerSeconds: [0.09, 0.11],
      generations: [
        {processes: [process(12)], from: [0, 0.01], to: [0.61, 0.62]},
        {processes: [process(15)], from: [0.71, 0.72], to: null},
      ],
    },
    traffic: {
      ...{asks: 'http', rate: 100, seconds: 3, statusClasses: {'2xx': 330}, idleClosed: 2},
      new: {...lane, slowestSeconds: 0.021},
      idle: {...none, opened: 2, answered: 2, slowestSeconds: 0.002},
      inFlight: {...none, slowestSeconds: null},
      ...{withoutPort: 0, latestSeconds: 0.004, longestGapSeconds: 0.113},
    },
    losses: [
      {kind: 'no-listener', count: 10, because: 'nobody listened for 90 to 110 ms'},
      {kind: 'process-ended', count: 2, because: 'the process ended before it had answered'},
    ],
    thresholds: [
      {name: 'max-outage', limit: 0.1, measured: 0.113, met: false},
      {name: 'max-lost', limit: 20, measured: 12, met: true},
    ],
    advice: ['Let the new server listen before the old one stops.'],
  }
}

function startedTwice({problem: _, ...check}: CheckDocument): CheckDocument {
  const second = {status: null, lines: [], ports: [3000]}
  return {
    ...check,
    ...{safe: false, rounds: []},
    twice: [
      {
        ...{address: '127.0.0.1', verdict: 'refuses', answeredBy: null, ports: [], status: 1},
        ...{what: 'exited with status 1', lines: ['Error: listen EADDRINUSE']},
      },
      {
        ...{address: '0.0.0.0', verdict: 'shares', what: 'listens, too', ...second},
        answeredBy: {first: 52, second: 48, nobody: 0},
      },
    ],
    advice: ['Both listen, and each client gets one or the other.'],
  }
}

export async function goldenViews(): Promise<Record<string, View>> {
  const {timing, policies, check, survey, history} = await realDocuments()
  const unsafe = check as CheckDocument
  const {problem, ...measured} = unsafe
  const reports = [recordedLinux, recordedGvisor].map(
    (folder): ReportDocument => ({
      ...{kind: 'report', file: `${basename(folder)}/report.json`},
      content: fewOf(recordedReport(folder)),
    }),
  )
  const report = troubled()
  const printed = printedDocuments()
  const before = reports.slice(0, 1)
  const after = before.map((each) => ({...each, file: 'troubled/report.json', content: report}))
  const sentences = findingSentences(report.results, scenarios)
  return {
    report: wholeReportView(report, {log: null, sentences}),
    matrix: matrixView(fewCells()),
    timing: timingView(oneOutside(timing as Timing)),
    policies: policiesView(fromHere(policies as Policies)),
    'check-safe': checkView(safe(unsafe)),
    'check-not-safe': checkView(measured),
    // As `check` gives its advice.
    'check-not-measured': checkView({...unsafe, advice: ['Start it by hand.', ...unsafe.advice]}),
    'check-reload': checkView(reloaded(unsafe)),
    'check-twice': checkView(startedTwice(unsafe)),
    survey: surveyView(survey as Survey),
    history: historyView(history as History),
    comparison: comparisonView(compare(reports)),
    judgement: judgementView(judge(before, after)),
    list: listView(printed.list),
    'why-port': whyView(printed.port),
    'why-crowded-port': whyView(whyPort(30)),
    'why-path': whyView(printed.path),
    watch: watchView(watched(1), watchTitle, 103),
    'watch-free': freeView(watchTitle, 160.5),
  }
}

/** One port was released too late. */
function oneOutside(timing: Timing): Timing {
  const [first, ...samples] = timing.samples
  if (first === undefined) throw new Error('nothing is recorded')
  return {
    ...timing,
    samples: [{...first, waitSeconds: 70, asExpected: false}, ...samples],
    summary: {...timing.summary, unexpected: 1},
  }
}

/** Wherever the project lies. */
function fromHere({release, ...rest}: Policies): Policies {
  return {...rest, release: {...release, file: 'logs/recorded/linux-6.18/report.json.gz'}}
}

/** A page without its drawings, which charts.test.ts and others look at. */
async function pageOf(view: View): Promise<string> {
  const chart: Markup = trusted('<svg></svg>')
  const {title, body} = await renderAsHtml(view, async () => chart)
  return `<h1>${title}</h1>\n${textOf(body)}`.replace(/<svg[\s\S]*?<\/svg>/g, '<svg/>')
}

/** All of them, by the names of their files. */
export async function goldenOutputs(): Promise<Record<string, string>> {
  const outputs: Record<string, string> = {}
  for (const [name, view] of Object.entries(await goldenViews())) {
    for (const width of [80, 200]) {
      outputs[`${name}.${width}.txt`] = stripVTControlCharacters(renderForTerminal(view, width))
    }
    outputs[`${name}.md`] = renderAsMarkdown(view)
    outputs[`${name}.html`] = await pageOf(view)
  }
  return outputs
}

if (pathToFileURL(process.argv[1] ?? '').href === import.meta.url) {
  rmSync(goldenFolder, {recursive: true, force: true})
  mkdirSync(goldenFolder)
  for (const [name, text] of Object.entries(await goldenOutputs())) {
    writeFileSync(join(goldenFolder, name), text)
  }
}
