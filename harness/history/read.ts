import {createHash} from 'node:crypto'
import {resolve} from 'node:path'
import type {z} from 'zod'
import {cellKey} from '../compare/documents.ts'
import type {HistoryRun} from '../documents/history-schema.ts'
import {parseFields, readText, refused, shown, validated} from '../documents/read-json.ts'
import {UsageError} from '../errors.ts'
import {cutShortWords} from '../timing/summary.ts'
import {dateBeside, dateOf} from './dates.ts'
import {
  type CheckFields,
  checkFields,
  type HostFields,
  type MatrixFields,
  matrixFields,
  type ReportFields,
  reportFields,
  type TimingFields,
  timingFields,
} from './documents.ts'
import {type Found, findDocuments} from './find.ts'
import {type Measure, measuresOfCheck, measuresOfReport, measuresOfTiming} from './measures.ts'

/** What is kept of a document: little, because there may be thousands. */
export interface RunRecord extends Pick<HistoryRun, 'file' | 'kind' | 'at' | 'dated' | 'rebind'> {
  host: HostFields
  /** What is measured again and again: documents of one line can be compared. */
  line: string
  measures: readonly Measure[]
  /** What was observed of each cell, by its number in the table of cells; 0: not tried. */
  outcomes: Uint8Array
}

/** All that was read. */
export interface Records {
  records: RunRecord[]
  /** What could not be used, and when it was measured, if its path or the log beside it says so. */
  skipped: {file: string; because: string; at: string | null}[]
  /** The names of all cells. */
  cells: readonly string[]
  /** The names of all outcomes; the first stands for none. */
  outcomes: readonly string[]
}

type Fields = ReportFields | TimingFields | CheckFields | MatrixFields

/** How a kind of document is read. */
interface Kind<Document> {
  schema: z.ZodType<Document>
  measures(document: Document): Measure[]
  line(document: Document): string
  /** Why it measured nothing that others can be compared with; undefined if it did. */
  problem(document: Document): string | undefined
}

function kind<Document extends Fields>(read: Kind<Document>): Kind<Fields> {
  return read as unknown as Kind<Fields>
}

/** The kinds that say something of a restart; their format is rebind-NAME. */
const kinds: Readonly<Record<HistoryRun['kind'], Kind<Fields>>> = {
  report: kind({
    schema: reportFields,
    measures: measuresOfReport,
    line: () => 'report',
    problem: () => undefined,
  }),
  timing: kind({
    schema: timingFields,
    measures: measuresOfTiming,
    line: ({residue}) => `timing ${residue}`,
    problem: (timing) => cutShortWords(timing),
  }),
  check: kind({
    schema: checkFields,
    measures: measuresOfCheck,
    line: ({port, command}) => `check ${port} ${command.join(' ')}`,
    problem: problemOfCheck,
  }),
  matrix: kind({
    schema: matrixFields,
    measures: () => [],
    line: () => 'matrix',
    problem: ({predicted}) =>
      predicted === true
        ? 'has only what the rules predict; measure with rebind matrix'
        : undefined,
  }),
}

/** On which system it was: there may be several, and its path need not say so. */
function problemOfCheck({problem, host}: CheckFields): string | undefined {
  if (problem === undefined) return undefined
  return `measured nothing on ${host.label ?? `${host.os} ${host.arch}`} (${problem.kind}); it says itself why, and what to do`
}

function kindNamed(format: unknown): HistoryRun['kind'] | undefined {
  return (Object.keys(kinds) as HistoryRun['kind'][]).find((name) => `rebind-${name}` === format)
}

const remedy = 'fetch it again, or remove it'

/**
 * Reads all documents, one after the other, and keeps of each only what it measured. What is broken is named and passed
 * over; sound JSON that is not a document of rebind is not mentioned where nobody has named it.
 * @throws UsageError if none can be read
 */
export async function readRecords(paths: readonly string[]): Promise<Records> {
  const [records, skipped]: [RunRecord[], Records['skipped']] = [[], []]
  const store = openStore()
  for await (const {found, text} of textsOf(paths)) {
    try {
      const record = await readRecord(found, await text, store)
      if (record !== undefined) records.push(record)
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      const because = error.message.replace(`${found.file} `, '')
      skipped.push({file: found.file, because, at: await dateBeside(found.file)})
    }
  }
  if (records.length === 0) throw nothingFound(paths, skipped)
  const {cells, outcomes} = store
  return {
    records: records.sort(byTime),
    skipped,
    cells: cells.names,
    outcomes: outcomes.names,
  }
}

/** The text of each file; the next one is read while one is parsed. */
async function* textsOf(
  paths: readonly string[],
): AsyncGenerator<{found: Found; text: Promise<string>}> {
  let next: {found: Found; text: Promise<string>} | undefined
  for await (const found of findDocuments(paths)) {
    const text = found.error === undefined ? readText(found.file, remedy) : closed(found)
    // Whoever awaits it gets the error.
    text.catch(() => undefined)
    if (next !== undefined) yield next
    next = {found, text}
  }
  if (next !== undefined) yield next
}

/** @throws UsageError */
async function closed({file, error}: Found): Promise<never> {
  throw refused(
    file,
    `cannot be opened (${error?.code}); if it is another user's, e.g. root's after sudo, change its owner`,
  )
}

function nothingFound(
  paths: readonly string[],
  [first, ...others]: Records['skipped'],
): UsageError {
  const broken =
    first === undefined ? '' : ` (${others.length + 1} passed over: ${first.file} ${first.because})`
  return new UsageError(
    `no report, timing, check or matrix in ${paths.join(', ')}${broken}; name the folder that contains the run folders, e.g. logs`,
  )
}

function byTime(one: RunRecord, other: RunRecord): number {
  if (one.at !== other.at) return one.at < other.at ? -1 : 1
  return one.file < other.file ? -1 : 1
}

/** @returns undefined for what is not to be counted: another program's JSON, or a copy of a run */
async function readRecord(
  {file, isExpected}: Found,
  text: string,
  {isNew, once, cells, outcomes}: Store,
): Promise<RunRecord | undefined> {
  if (!isNew(resolve(file))) return undefined
  const value = parseFields(file, text, remedy)
  const {format, version} = value
  const name = kindNamed(format)
  if (name === undefined) {
    if (!isExpected) return undefined
    const what = typeof format === 'string' ? `of the format "${shown(format)}"` : 'not of rebind'
    throw refused(file, `is a document ${what}; name reports, timings, checks and matrices`)
  }
  if (typeof version === 'number' && version > 1) {
    throw refused(file, `has version ${version}, and this rebind knows version 1; update rebind`)
  }
  const {schema, measures, line, problem} = kinds[name]
  const fields = validated(file, schema, value)
  const run = 'run' in fields ? fields.run : undefined
  const date = await dateOf(file, run?.startedAt)
  if (!isNew(JSON.stringify([name, run?.id ?? hashOf(text), date.at]))) return undefined
  const because = problem(fields)
  if (because !== undefined) throw refused(file, because)
  return {
    ...{file, kind: name, ...date},
    rebind: run === undefined ? null : once(run.rebind),
    host: once(fields.host),
    line: once(line(fields)),
    measures: measures(fields).map((measure) => keptOf(measure, once)),
    outcomes: 'cells' in fields ? outcomesOf(fields, cells, outcomes) : noOutcomes,
  }
}

/** What names a run that has no id: a copy has the same text. */
function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64')
}

/** What took no time is the same in thousands of runs. */
function keptOf(measure: Measure, once: Store['once']): Measure {
  if (measure.value === 0) return once(measure)
  const {subject, answers, error, residue, expected} = measure
  return {
    ...measure,
    ...{subject: once(subject), answers: once(answers), expected: once(expected)},
    ...{error: once(error), residue: once(residue)},
  }
}

const noOutcomes = new Uint8Array()

function outcomesOf({cells}: MatrixFields, places: Numbering, numbers: Numbering): Uint8Array {
  const tried = cells.map((cell): [place: number, outcome: number] => [
    places.numberOf(cellKey(cell)),
    cell.observed === null ? 0 : numbers.numberOf(cell.observed),
  ])
  const outcomes = new Uint8Array(places.names.length)
  for (const [place, outcome] of tried) outcomes[place] = Math.min(outcome, 255)
  return outcomes
}

/** What all documents have in common. */
interface Store {
  /** Whether it is asked for the first time. */
  isNew(key: string): boolean
  /** The same value for what is equal: a text or a host that thousands of documents have is kept once. */
  once<Value>(value: Value): Value
  cells: Numbering
  outcomes: Numbering
}

interface Numbering {
  names: string[]
  numberOf(name: string): number
}

function openStore(): Store {
  const seen = new Set<string>()
  const values = new Map<string, unknown>()
  return {
    isNew: (key) => seen.size < seen.add(key).size,
    once<Value>(value: Value) {
      const key = JSON.stringify(value)
      if (!values.has(key)) values.set(key, value)
      return values.get(key) as Value
    },
    cells: numbering([]),
    outcomes: numbering(['']),
  }
}

function numbering(names: string[]): Numbering {
  const numbers = new Map<string, number>()
  return {
    names,
    numberOf(name) {
      const known = numbers.get(name)
      if (known !== undefined) return known
      const number = names.push(name) - 1
      numbers.set(name, number)
      return number
    },
  }
}
