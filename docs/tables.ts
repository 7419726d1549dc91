/**
 * The tables and samples of the README and of the pages in this folder, made from the reports and matrices in
 * logs/recorded/, from the scenarios and from the commands' own help:
 * `npm run docs` writes them between their markers, and `npm test` checks that they are current.
 */
import {existsSync, readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {fileURLToPath, pathToFileURL} from 'node:url'
import {gunzipSync} from 'node:zlib'
import type {Bench} from '../harness/bench/document.ts'
import {benchView} from '../harness/bench/view.ts'
import {listFor} from '../harness/commands/list.ts'
import {compare} from '../harness/compare/compare.ts'
import {cellKey} from '../harness/compare/documents.ts'
import {type Matrix, matrixSchema} from '../harness/documents/matrix-schema.ts'
import {reportSchema} from '../harness/documents/report-schema.ts'
import {hostWords} from '../harness/documents/words.ts'
import type {Provenance} from '../harness/kernels/provenance.ts'
import {type CellFilter, cellsOf} from '../harness/matrix/cells.ts'
import {predictedMatrix} from '../harness/matrix/predict.ts'
import {darwin} from '../harness/platforms/darwin.ts'
import {platformOf} from '../harness/platforms/detect.ts'
import {linux} from '../harness/platforms/linux.ts'
import type {Text} from '../harness/render/model.ts'
import {bindGuideView, hasBindGuide} from '../harness/views/bind-guide.ts'
import {comparisonView} from '../harness/views/comparison.ts'
import {listView} from '../harness/views/list.ts'
import {matrixView} from '../harness/views/matrix.ts'
import {reportView} from '../harness/views/report.ts'
import {eventTables} from './event-tables.ts'
import {printed, sectionOf} from './printed.ts'
import {commandList, compareSample, exampleSample, runSample} from './samples.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))
const recorded = join(folder, '..', 'logs', 'recorded')
/** What single tables show: Linux as measured on a real machine, and the other stack. */
const shown = ['linux-6.18', 'gvisor-20221219']
/** All that was recorded. */
const names = readdirSync(recorded, {withFileTypes: true})
  .filter((entry) => entry.isDirectory())
  .map(({name}) => name)
  .sort((one, other) => one.localeCompare(other, 'en', {numeric: true}))

function readRecorded(name: string, document: string): unknown {
  return JSON.parse(gunzipSync(readFileSync(join(recorded, name, document))).toString('utf8'))
}

function readSystem(name: string) {
  const content = reportSchema.parse(readRecorded(name, 'report.json.gz'))
  return {
    report: {kind: 'report', file: `logs/recorded/${name}/report.json.gz`, content} as const,
    matrix: matrixSchema.parse(readRecorded(name, 'matrix.json.gz')),
  }
}

/** In the order in which they are told of. */
const systems = shown.map(readSystem)
const allSystems = names.map(readSystem)
const [onLinux] = systems
if (onLinux === undefined) throw new Error('nothing is recorded')
const linuxReport = onLinux.report.content

const sideBySide = comparisonView(compare(allSystems.map(({report}) => report)))

/** As `rebind matrix --residue TIME_WAIT --residue LISTEN --address 127.0.0.1` draws it on each system. */
function rules(): string {
  const wanted: CellFilter = {residues: ['TIME_WAIT', 'LISTEN'], addresses: ['127.0.0.1']}
  const keys = new Set(cellsOf(wanted).map(cellKey))
  const measured = systems.map(({matrix}): [string, Matrix] => [
    platformOf(matrix.host.stack).title,
    {...matrix, cells: matrix.cells.filter((cell) => keys.has(cellKey(cell)))},
  ])
  const drawn: [string, Matrix][] = [
    ...measured,
    [`${darwin.title} (executed from its source, not on a Mac)`, predictedMatrix(darwin, wanted)],
  ]
  const title = 'What is granted over which residue'
  return drawn
    .map(([system, matrix]) => {
      const [, ...pictures] = sectionOf(matrixView(matrix), title).blocks
      return `### ${system}\n\n${printed(pictures, undefined, 4)}`
    })
    .join('\n\n')
}

/** What `npm run bench` printed. */
function benchSample(): string {
  const file = join(folder, '..', 'harness', 'bench', 'recorded.json')
  const {verdict, blocks} = benchView(JSON.parse(readFileSync(file, 'utf8')) as Bench)
  return printed(blocks, verdict)
}

/** The scenarios, as `rebind list` tells of them on the recorded Linux; each leads to its script. */
function scenarioList(): string {
  const {blocks} = listView(listFor(linux, linuxReport.host.settings, 150))
  return printed(blocks, undefined, 2).replace(
    /^### ([\w-]+)(.*)$/gm,
    (_, id, arm) => `### [${id}](../scenarios/${id}.ts)${arm}`,
  )
}

/** Every recorded system, and how it was made; of those from before `npm run kernels` only the command is known. */
function systemTable(): string {
  const rows = names.map((name): Text[] => {
    const {host, run} = reportSchema.parse(readRecorded(name, 'report.json.gz'))
    return [
      [{code: `${name}/`}],
      `${hostWords(host)}; ${run.startedAt.slice(0, 10)}`,
      ...madeBy(join(recorded, name, 'provenance.json'), run.command),
    ]
  })
  const columns = ['folder', 'system', 'made of', 'command']
  return printed([{kind: 'table', label: 'Recorded systems', columns, rows}])
}

function madeBy(file: string, command: readonly string[]): [ingredients: Text, command: Text] {
  if (!existsSync(file)) return ['', [{code: `rebind ${command.join(' ')}`}]]
  const provenance: Provenance = JSON.parse(readFileSync(file, 'utf8'))
  const {ingredients, machine} = provenance
  const packages = ingredients.map(({name, version}) => `${name} ${version}`)
  const words = [...packages, ...(machine === undefined ? [] : [machine.qemu, machine.accelerator])]
  return [words.join(', '), [{code: provenance.command}]]
}

/** What every recorded system answers, and what the rules of macOS say, for which there is no record. */
function mayIBind(): string {
  const matrices = [...allSystems.map(({matrix}) => matrix), predictedMatrix(darwin)]
  const comparison = compare(
    matrices.map((content) => ({kind: 'matrix', file: content.host.stack, content})),
  )
  if (!hasBindGuide(comparison)) throw new Error('logs/recorded/ has no bind tables')
  const {lead, blocks} = bindGuideView(comparison)
  return printed([{kind: 'text', text: lead ?? ''}, ...blocks])
}

const tables: Readonly<Record<string, () => string>> = {
  sources: () => printed(sideBySide.blocks.slice(0, 1)),
  residue: () => {
    const view = reportView(linuxReport, {log: null, sentences: []})
    return printed(sectionOf(view, 'Results').blocks)
  },
  rules,
  release: () =>
    printed(
      ['TIME_WAIT', 'FIN_WAIT2'].map((state) => sectionOf(sideBySide, `How long ${state} is kept`)),
    ),
  clients: () => printed(sectionOf(sideBySide, 'What clients saw').blocks),
  commands: commandList,
  scenarios: scenarioList,
  'a run': () => runSample(linuxReport),
  ask: () => exampleSample('ask'),
  'a test': () => exampleSample('restart'),
  'a node:test': () => exampleSample('second-instance'),
  'a program': () => exampleSample('run'),
  'a handler': () => exampleSample('explain'),
  'a scenario': () => exampleSample('own-scenario'),
  'a comparison': () => compareSample(systems.map(({report}) => report.content)),
  events: eventTables,
  bench: benchSample,
  'recorded systems': systemTable,
  'may I bind': mayIBind,
}

/** The page with its tables made again. */
export function withTables(page: string): string {
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
  '../logs/recorded/README.md',
].map((name) => join(folder, name))

if (pathToFileURL(process.argv[1] ?? '').href === import.meta.url) {
  for (const page of pages) writeFileSync(page, withTables(readFileSync(page, 'utf8')))
}
