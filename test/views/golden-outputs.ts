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
import type {Free, FreeStep} from '../../harness/documents/free-schema.ts'
import type {History} from '../../harness/documents/history-schema.ts'
import type {ScenarioList} from '../../harness/documents/list-schema.ts'
import type {Listeners} from '../../harness/documents/listeners-schema.ts'
import type {Matrix} from '../../harness/documents/matrix-schema.ts'
import type {Policies} from '../../harness/documents/policies-schema.ts'
import type {Report} from '../../harness/documents/report-schema.ts'
import type {Survey} from '../../harness/documents/survey-schema.ts'
import type {Timing} from '../../harness/documents/timing-schema.ts'
import type {WhyPath, WhyPort} from '../../harness/documents/why-schema.ts'
import {agreementOf} from '../../harness/matrix/judge.ts'
import {linux} from '../../harness/platforms/linux.ts'
import {textOf} from '../../harness/render/html/markup.ts'
import {renderAsHtml} from '../../harness/render/html/view.ts'
import {renderAsMarkdown} from '../../harness/render/markdown.ts'
import type {View} from '../../harness/render/model.ts'
import {renderForTerminal} from '../../harness/render/terminal.ts'
import {checkView} from '../../harness/views/check.ts'
import {comparisonView, judgementView} from '../../harness/views/comparison.ts'
import {findingSentences} from '../../harness/views/findings.ts'
import {freeView} from '../../harness/views/free.ts'
import {historyView} from '../../harness/views/history.ts'
import {listView} from '../../harness/views/list.ts'
import {listenersView} from '../../harness/views/listeners.ts'
import {matrixView} from '../../harness/views/matrix.ts'
import {policiesView} from '../../harness/views/policies.ts'
import {wholeReportView} from '../../harness/views/report.ts'
import {surveyView} from '../../harness/views/survey.ts'
import {timingView} from '../../harness/views/timing.ts'
import {freeView as watchedUntilFree, watchView} from '../../harness/views/watch.ts'
import {briefWhyView, whyView} from '../../harness/views/why.ts'
import type {WatchedSocket, WatchReading} from '../../harness/why/watch.ts'
import {scenarios} from '../../scenarios/index.ts'
import {onUnixSocket, reloaded, startedTwice} from '../documents/checks.ts'
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

const whereabouts = {
  cwd: '/srv/app',
  startedAt: '2026-11-26T22:13:23.000Z',
  parents: [
    {pid: 4700, command: 'npm start'},
    {pid: 1, command: '/sbin/init'},
  ],
}

function listeners(): Listeners {
  return {
    ...{format: 'rebind-listeners', version: 1, host: recordedReport().host},
    listeners: [
      {
        ...{local: {address: '0.0.0.0', port: 22}, port: 22, pid: null, command: null, pids: []},
        ...{user: 'root', cwd: null, startedAt: null, parents: []},
      },
      {
        ...{local: {address: '::1', port: 8088}, port: 8088, pid: 4711, pids: [4711, 4712]},
        ...{command: 'node server.js', user: 'joe', ...whereabouts},
      },
    ],
    unseen: ['The processes of 1 listener are not visible: ask again as root: sudo rebind why.'],
  }
}

const freeing: FreeStep[] = [
  {
    ...{what: 'signal', pid: 4711, command: 'node server.js', signal: 'SIGTERM', socket: null},
    seconds: 5,
  },
  {
    ...{what: 'signal', pid: 4712, command: 'worker', signal: 'SIGTERM', socket: null},
    ...{after: 4711, seconds: 5},
  },
  {
    ...{what: 'destroy', pid: null, command: null, signal: null, count: 3, seconds: null},
    socket: {state: 'TIME_WAIT', local: {address: '127.0.0.1', port: 8088}, remote: null},
  },
  {
    ...{what: 'destroy', pid: 12, command: 'python3 a.py', signal: null, seconds: null},
    socket: {
      ...{state: 'ESTABLISHED', local: {address: '::1', port: 8088}},
      remote: {address: '::1', port: 40_000},
    },
  },
  {what: 'wait', pid: null, command: null, signal: null, socket: null, seconds: 61.2},
]

/** What was done, what is left alone, and what would be done. */
function freed(): Record<'done' | 'left' | 'planned', Free> {
  const plan = freeing
  const asked = {...({format: 'rebind-free', version: 1, port: 8088} as const), plan}
  const common = {...asked, host: recordedReport().host}
  const steps = plan.map((step) => ({...step, seconds: step.what === 'destroy' ? null : 0.25}))
  const finished = {what: 'wait', pid: 4711, command: 'node server.js', seconds: 12.3} as const
  const did: FreeStep[] = [...steps, {...finished, signal: null, socket: null}]
  const because = 'nothing was done'
  return {
    done: {...common, did, freed: true, left: [], because: 'a plain bind is granted'},
    planned: {...common, did: [], freed: false, left: [], because},
    left: {
      ...{...common, did: [], freed: false},
      left: [
        {
          ...{kind: 'container', pid: 4711, command: 'docker-proxy'},
          because:
            'process 4711 publishes the port of container web; stop that instead: docker stop web',
        },
      ],
      because: 'something on it is left alone',
    },
  }
}

function whyPort(timeWaits: number): WhyPort {
  const host = recordedReport().host
  const port = 8088
  const local = {address: '127.0.0.1', port}
  const listening = {
    ...{pid: 4711, parent: 4700, uid: 0, user: 'root', command: 'node server.js'},
    ...whereabouts,
  }
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

/** A program was refused the port, and Rebind has tried no bind. */
function refused(): WhyPort {
  const unseen = ['No bind was tried.']
  return {...whyPort(2), bind: [], refused: {code: 'EADDRINUSE', address: '::'}, unseen}
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
  return {
    port: whyPort(2),
    path: whyPath(),
    listeners: listeners(),
    free: freed().done,
    list: fewListed(),
  }
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

/** Two that were made to restart by themselves, and one that was not. */
function withReloads(survey: Survey, check: CheckDocument): Survey {
  const [server] = survey.servers
  if (server === undefined) throw new Error('the recorded survey has no server')
  const {trigger, traffic} = reloaded(check)
  const watcher = {...server, restarts: 'by-itself', status: 'measured'} as const
  const lost = {...reloaded(check), trigger, traffic}
  const {reason: _, ...measured} = watcher
  return {
    ...survey,
    servers: [
      {...measured, id: 'node-watch', title: 'node --watch', version: '20.20.2', check: lost},
      {
        ...{...watcher, id: 'vite', title: 'vite', version: null, check: null},
        ...{status: 'skipped', reason: 'vite@8.3.8 would have to be installed'},
      },
    ],
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
    'check-socket': checkView(onUnixSocket(unsafe)),
    survey: surveyView(survey as Survey),
    'survey-watchers': surveyView(withReloads(survey as Survey, unsafe)),
    history: historyView(history as History),
    comparison: comparisonView(compare(reports)),
    judgement: judgementView(judge(before, after)),
    list: listView(printed.list),
    'why-port': whyView(printed.port),
    'why-crowded-port': whyView(whyPort(30)),
    'why-refused': whyView(refused()),
    'why-brief': briefWhyView(refused()),
    'why-path': whyView(printed.path),
    listeners: listenersView(printed.listeners),
    'free-done': freeView(freed().done),
    'free-left': freeView(freed().left),
    'free-planned': freeView(freed().planned),
    watch: watchView(watched(1), watchTitle, 103),
    'watch-free': watchedUntilFree(watchTitle, 160.5),
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

/** A page without its drawings, which tests of pages look at. */
function pageOf(view: View): string {
  const {title, body} = renderAsHtml(view)
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
    outputs[`${name}.html`] = pageOf(view)
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
