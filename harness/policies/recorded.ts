import {existsSync} from 'node:fs'
import {readdir, stat} from 'node:fs/promises'
import {join} from 'node:path'
import {readObject} from '../documents/read-json.ts'
import {type Report, reportSchema} from '../documents/report-schema.ts'
import {isRunId} from '../documents/run-folder.ts'
import {type Timing, timingSchema} from '../documents/timing-schema.ts'
import {UsageError} from '../errors.ts'
import {printable} from '../text.ts'
import {cutShortWords} from '../timing/summary.ts'

/** How long a port was kept, by a run that is recorded. */
export interface RecordedReleases {
  /** Where it was read from. */
  file: string
  host: Report['host']
  /** From the residue's appearance to the grant, one for each port. */
  releaseSeconds: number[]
  /** The policies that the run played for real, by scenario. */
  played: Map<string, Report['results'][number]>
}

const documents = ['timing.json', 'report.json']
/** No system keeps a port for longer: they all do for at most four minutes. Some policies try again all the time. */
const mostSeconds = 600

const usage = 'name a run folder, a report.json or a timing.json, or measure with --measure'

/**
 * The releases of TIME_WAIT in a document or run folder.
 * @throws UsageError if there is none, or what is there cannot be used
 */
export async function readReleases(path: string): Promise<RecordedReleases> {
  const kind = await kindOf(path)
  const inFolder = documents.map((name) => join(path, name))
  // Of a folder's two documents the one that is there says more than the one that is not.
  const there = inFolder.filter((file) => existsSync(file))
  const files = kind === 'file' ? [path] : there.length > 0 ? there : inFolder
  const problems: UsageError[] = []
  for (const file of files) {
    try {
      return await readDocument(file)
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      problems.push(error)
    }
  }
  throw problems[0] ?? unusable(path, '')
}

/** It would be usable if it had not ended early. */
class CutShort extends UsageError {}

/**
 * The releases of the newest run below a folder that has any; undefined if none has.
 * @param onCutShort told of each newer timing that is passed over because it ended early
 */
export async function newestReleases(
  parent: string,
  onCutShort: (problem: string) => void = () => undefined,
): Promise<RecordedReleases | undefined> {
  const names = await readdir(parent).catch(() => [])
  const runs = names.filter(isRunId).sort()
  for (const name of runs.reverse()) {
    try {
      return await readReleases(join(parent, name))
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      if (error instanceof CutShort) onCutShort(error.message)
    }
  }
  return undefined
}

/** The releases in a document that has been read, or was just measured. */
export function releasesOf(document: Report | Timing, file: string): RecordedReleases {
  const {host} = document
  if (document.format === 'rebind-timing') {
    const {residue, samples} = document as Timing
    if (residue !== 'TIME_WAIT') throw unusable(file, `is about ${residue}, not TIME_WAIT`)
    const releaseSeconds = samples.flatMap(({waitSeconds}) => waitSeconds ?? [])
    if (releaseSeconds.length === 0) throw unusable(file, 'contains no port that became free')
    return usable({file, host, releaseSeconds, played: new Map()})
  }
  const {results} = document as Report
  const played = new Map(
    results
      .filter(({scenario, status}) => scenario.startsWith('policy-') && status === 'as-expected')
      .map((result) => [result.scenario, result]),
  )
  const releaseSeconds = results
    .filter(
      ({expected, bind}) => expected?.residue === 'TIME_WAIT' && bind?.verdict !== 'immediate',
    )
    .flatMap(({bind}) => bind?.residueSeconds ?? [])
  if (releaseSeconds.length === 0) throw unusable(file, 'contains no TIME_WAIT that was waited out')
  return usable({file, host, releaseSeconds, played})
}

function usable(releases: RecordedReleases): RecordedReleases {
  if (releases.releaseSeconds.every((seconds) => seconds <= mostSeconds)) return releases
  throw unusable(releases.file, 'contains a port that was kept for more than ten minutes')
}

async function kindOf(path: string): Promise<'folder' | 'file'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch (error) {
    throw unreadable(path, error)
  }
}

async function readDocument(file: string): Promise<RecordedReleases> {
  const value = await readObject(file, usage)
  const {format, version} = value
  const schemas = {'rebind-report': reportSchema, 'rebind-timing': timingSchema}
  const schema =
    typeof format === 'string' && Object.hasOwn(schemas, format)
      ? schemas[format as keyof typeof schemas]
      : undefined
  if (schema === undefined) throw unusable(file, 'is neither a rebind report nor a rebind timing')
  if (typeof version === 'number' && version > 1) {
    throw unusable(file, `has version ${version}, which this rebind is too old to read`)
  }
  const {data, error} = schema.safeParse(value)
  if (error !== undefined) {
    const [issue] = error.issues
    throw unusable(file, `is not valid: ${issue?.path.join('.')}: ${issue?.message}`)
  }
  const early = data.format === 'rebind-timing' ? cutShortWords(data as Timing) : undefined
  if (early !== undefined) throw new CutShort(unusable(file, early).message)
  return releasesOf(data, file)
}

function unreadable(path: string, error: unknown): UsageError {
  return new UsageError(
    `cannot read ${printable(path)} (${(error as NodeJS.ErrnoException).code}); ${usage}`,
  )
}

function unusable(path: string, problem: string): UsageError {
  return new UsageError(`${printable(path)} ${printable(problem)}; ${usage}`)
}
