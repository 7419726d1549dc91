/**
 * The tables and samples of the README and of the pages in this folder, made from the reports and matrices in
 * logs/recorded/, from the scenarios and from the commands' own help:
 * `npm run docs` writes them between their markers, and `npm test` checks that they are current.
 */
import {readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {fileURLToPath, pathToFileURL} from 'node:url'
import type {Bench} from '../harness/bench/document.ts'
import {benchView} from '../harness/bench/view.ts'
import {compare} from '../harness/compare/compare.ts'
import {type Matrix, type MatrixCell, matrixSchema} from '../harness/documents/matrix-schema.ts'
import {type Report, type Result, reportSchema} from '../harness/documents/report-schema.ts'
import {besidesWords, hostWords, residueWords} from '../harness/documents/words.ts'
import {greatestOf, leastOf} from '../harness/extremes.ts'
import {groupBy} from '../harness/group-by.ts'
import {predictedMatrix} from '../harness/matrix/predict.ts'
import {questionOf} from '../harness/matrix/question.ts'
import {darwin} from '../harness/platforms/darwin.ts'
import {bindOptions} from '../harness/sockets/bind-options.ts'
import {bindGuideView, hasBindGuide} from '../harness/views/bind-guide.ts'
import {eventTables} from './event-tables.ts'
import {table} from './markdown-table.ts'
import {printed} from './printed.ts'
import {commandTable, scenarioTables} from './project-tables.ts'
import {compareSample, exampleSample, runSample} from './samples.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))
const recorded = join(folder, '..', 'logs', 'recorded')

interface Machine {
  name: string
  report: Report
  matrix: Matrix
}

function machines(): Machine[] {
  const read = (...path: string[]) => JSON.parse(readFileSync(join(recorded, ...path), 'utf8'))
  return readdirSync(recorded, {withFileTypes: true})
    .filter((entry) => entry.isDirectory())
    .map(({name}) => ({
      report: reportSchema.parse(read(name, 'report.json')),
      matrix: matrixSchema.parse(read(name, 'matrix.json')),
    }))
    .map((documents) => ({...documents, name: titles[documents.report.host.stack]}))
    .sort((a, b) => b.name.localeCompare(a.name))
}

function recordedOn(stack: Report['host']['stack'], all: readonly Machine[]): Report {
  const machine = all.find(({report}) => report.host.stack === stack)
  if (machine === undefined) throw new Error(`logs/recorded/ has no report of ${stack}`)
  return machine.report
}

const titles: Record<Report['host']['stack'], string> = {
  linux: 'Linux',
  gvisor: 'gVisor',
  darwin: 'macOS',
  windows: 'Windows',
  unknown: 'another system',
}

/** Where the numbers come from. */
function sources(all: readonly Machine[]): string {
  return all
    .map(
      ({name, report: {run, host}}) =>
        `- ${name}: ${hostWords(host)}; ${run.startedAt.slice(0, 10)}`,
    )
    .join('\n')
}

/** What each scenario left on the server's port. */
function residueTable(all: readonly Machine[]): string {
  const scenarios = [...new Set(all.flatMap(({report}) => report.results.map(idOf)))]
  const seen = ({report}: Machine, id: string) => {
    const result = report.results.find(({scenario}) => scenario === id)
    if (result === undefined || result.status === 'skipped') return 'not run'
    return result.amidTraffic === true ? 'LISTEN, amid traffic' : residueWords(result)
  }
  return table(
    ['scenario', ...all.map(({name}) => name)],
    scenarios.map((id) => [`\`${id}\``, ...all.map((machine) => seen(machine, id))]),
  )
}

function idOf({scenario}: Result): string {
  return scenario
}

/** Over TIME_WAIT and over a listener on the same address: the four options before and after. */
function ruleTable(all: readonly Machine[], residue: 'TIME_WAIT' | 'LISTEN'): string {
  const letters = (bind: string, outcome: (cell: MatrixCell) => string | null) =>
    bindOptions
      .map((successor) => {
        const cell = all[0]?.matrix.cells.find(
          (candidate) =>
            candidate.residue === residue &&
            candidate.predecessor.address === '127.0.0.1' &&
            candidate.successor.address === '127.0.0.1' &&
            candidate.predecessor.bind === bind &&
            candidate.successor.bind === successor,
        )
        return cell === undefined ? '?' : outcome(cell) === 'granted' ? '.' : 'X'
      })
      .join('')
  const observedBy =
    ({matrix}: Machine) =>
    ({residue, predecessor, successor}: MatrixCell) =>
      matrix.cells.find(
        (cell) =>
          cell.residue === residue &&
          cell.predecessor.bind === predecessor.bind &&
          cell.predecessor.address === predecessor.address &&
          cell.successor.bind === successor.bind &&
          cell.successor.address === successor.address,
      )?.observed ?? null
  const predicted = (cell: MatrixCell) => darwin.rules?.bind(questionOf(cell)).outcome ?? null
  return table(
    ['predecessor', ...all.map(({name}) => name), 'macOS (executed from its source, not on a Mac)'],
    bindOptions.map((bind) => [
      bind,
      ...all.map((machine) => `\`${letters(bind, observedBy(machine))}\``),
      `\`${letters(bind, predicted)}\``,
    ]),
  )
}

/** How long each state kept the port, over all scenarios that waited it out and for which the same is expected. */
function releaseTable(all: readonly Machine[]): string {
  const rows = (['TIME_WAIT', 'FIN_WAIT2'] as const).flatMap((state) =>
    all.flatMap(({name, report}) => {
      const waits = report.results.flatMap(({bind, expected, residue}) =>
        bind?.verdict === 'delayed' &&
        bind.residueSeconds !== null &&
        expected?.residueSeconds !== undefined &&
        expected.residue === state &&
        (residue === null || residue.length > 0)
          ? [
              {
                seconds: bind.residueSeconds,
                width: bind.uncertaintySeconds ?? 0,
                range: expected.residueSeconds,
                source: expected.source,
              },
            ]
          : [],
      )
      const alike = groupBy(waits, ({range, source}) => JSON.stringify([range, source]))
      return [...alike.values()].map((own) => releaseRow(state, name, own))
    }),
  )
  const head = ['residue', 'system', 'waits', 'measured', 'worst uncertainty', 'by its source']
  return table(head, rows)
}

/** Of waits for which the same is expected, from the same source. */
function releaseRow(
  state: string,
  system: string,
  waits: readonly {seconds: number; width: number; range: [number, number]}[],
): string[] {
  const seconds = waits.map((wait) => wait.seconds)
  const [min = 0, max = 0] = waits[0]?.range ?? []
  return [
    state,
    system,
    String(waits.length),
    `${leastOf(seconds).toFixed(3)} to ${greatestOf(seconds).toFixed(3)} s`,
    `${(greatestOf(waits.map(({width}) => width)) * 1000).toFixed(1)} ms`,
    `${min} to ${max.toFixed(2)} s`,
  ]
}

/** What clients counted and were answered, where that is the point of a scenario. */
function clientTable(all: readonly Machine[]): string {
  const ids = [...new Set(all.flatMap(({report}) => report.results))]
    .filter((result) => besidesWords(result) !== undefined)
    .map(idOf)
  const words = ({report}: Machine, id: string) => {
    const result = report.results.find(({scenario}) => scenario === id)
    return result === undefined ? 'not run' : (besidesWords(result) ?? 'nothing')
  }
  return table(
    ['scenario', ...all.map(({name}) => name)],
    [...new Set(ids)].map((id) => [`\`${id}\``, ...all.map((machine) => words(machine, id))]),
  )
}

/** What `npm run bench` printed. */
function benchSample(): string {
  const file = join(folder, '..', 'harness', 'bench', 'recorded.json')
  return printed(benchView(JSON.parse(readFileSync(file, 'utf8')) as Bench))
}

/** What every recorded system answers, and what the rules of macOS say, for which there is no record. */
function mayIBind(all: readonly Machine[]): string {
  const matrices = [...all.map(({matrix}) => matrix), predictedMatrix(darwin)]
  const comparison = compare(
    matrices.map((content) => ({kind: 'matrix', file: content.host.stack, content})),
  )
  if (!hasBindGuide(comparison)) throw new Error('logs/recorded/ has no bind tables')
  return printed(bindGuideView(comparison))
}

/** The page with its tables made again. */
export function withTables(page: string): string {
  const all = machines()
  const tables: Record<string, () => string> = {
    sources: () => sources(all),
    residue: () => residueTable(all),
    'rule over TIME_WAIT': () => ruleTable(all, 'TIME_WAIT'),
    'rule over LISTEN': () => ruleTable(all, 'LISTEN'),
    release: () => releaseTable(all),
    clients: () => clientTable(all),
    commands: commandTable,
    scenarios: scenarioTables,
    'a run': () => runSample(recordedOn('linux', all)),
    'a test': () => exampleSample('restart'),
    'a program': () => exampleSample('run'),
    'a scenario': () => exampleSample('own-scenario'),
    'a comparison': () => compareSample([recordedOn('linux', all), recordedOn('gvisor', all)]),
    events: eventTables,
    bench: benchSample,
    'may I bind': () => mayIBind(all),
  }
  return page.replace(
    /(<!-- (?:table|sample): (.+?) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, begin: string, name: string, end: string) => {
      const make = tables[name]
      if (make === undefined) throw new Error(`no table or sample is called "${name}"`)
      return `${begin}\n${make()}\n\n${end}`
    },
  )
}

export const pages = [
  'residue-rule-release.md',
  'may-i-bind.md',
  'scenarios.md',
  'compare.md',
  'bench.md',
  'events.md',
  'api.md',
  'commands.md',
  '../README.md',
].map((name) => join(folder, name))

if (pathToFileURL(process.argv[1] ?? '').href === import.meta.url) {
  for (const page of pages) writeFileSync(page, withTables(readFileSync(page, 'utf8')))
}
