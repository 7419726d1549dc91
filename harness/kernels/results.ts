import {mkdir, readFile, rename, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {gzipSync} from 'node:zlib'
import type {z} from 'zod'
import {matrixSchema} from '../documents/matrix-schema.ts'
import {type Host, reportSchema} from '../documents/report-schema.ts'
import {timingSchema} from '../documents/timing-schema.ts'
import {exitStatus} from '../errors.ts'
import type {Measurement} from './measurements.ts'
import {CannotBoot} from './programs.ts'
import type {Provenance} from './provenance.ts'

/** What a command has printed, and how it ended. */
export interface Printed {
  document: Measurement['document']
  status: number
  json: string
  /** Its stderr. */
  log: string
}

export interface Results {
  host: Host
  printed: readonly Printed[]
  /** The most telling of the commands' exit statuses. */
  status: number
}

const schemas: Readonly<Record<Measurement['document'], z.ZodType<{host: Host}>>> = {
  report: reportSchema,
  matrix: matrixSchema,
  timing: timingSchema,
}

/** What one measurement has left in a folder. */
export async function readPrinted(
  folder: string,
  document: Measurement['document'],
): Promise<Printed> {
  const read = (ending: string) => readFile(join(folder, `${document}.${ending}`), 'utf8')
  const [json, log, status] = await Promise.all([read('json'), read('log'), read('status')])
  return {document, json, log, status: Number(status)}
}

/**
 * Reads what was printed as a reader of the documents would.
 * @throws CannotBoot with a command's last words, if it could not measure or what it printed is not its document
 */
export function checked(printed: readonly Printed[]): Results {
  const hosts = printed.map(({document, status, json, log}) => {
    const measured = status === exitStatus.asExpected || status === exitStatus.unexpected
    const parsed = measured ? schemas[document].safeParse(parse(json)) : undefined
    if (parsed?.success === true) return parsed.data.host
    const words = [...failures(json), ...log.trim().split('\n').slice(-3)].join('; ')
    throw new CannotBoot(`${document} could not be measured (exit status ${status}): ${words}`)
  })
  const [host] = hosts
  if (host === undefined) throw new CannotBoot('nothing was measured')
  const status = Math.max(...printed.map((each) => each.status))
  return {host, printed, status}
}

/** What a run says of the scenarios that it could not measure. */
function failures(json: string): string[] {
  const report = reportSchema.safeParse(parse(json)).data
  const failed = report?.results.filter(({status}) => status === 'failed') ?? []
  return failed.map(({scenario, reason}) => `${scenario}: ${reason}`)
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** Writes a system's folder, in the place of the one before it: compressed documents, and how they were made. */
export async function record(
  parent: string,
  name: string,
  {printed}: Results,
  provenance: Provenance,
): Promise<string> {
  const folder = join(parent, name)
  const part = join(parent, `.${name}.part`)
  await rm(part, {recursive: true, force: true})
  await mkdir(part, {recursive: true})
  for (const {document, json} of printed) {
    await writeFile(join(part, `${document}.json.gz`), gzipSync(json, {level: 9}))
  }
  await writeFile(join(part, 'provenance.json'), `${JSON.stringify(provenance, null, 2)}\n`)
  await rm(folder, {recursive: true, force: true})
  await rename(part, folder)
  return folder
}
