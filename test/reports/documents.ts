/** Real documents, and what hostile hands would make of them. */
import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import {judge} from '../../harness/compare/baseline.ts'
import {compare} from '../../harness/compare/compare.ts'
import {type ComparableDocument, readDocuments} from '../../harness/compare/documents.ts'
import {documentKinds, type Format, type RunDocument} from '../../harness/reports/documents.ts'
import {type Report, reportSchema} from '../../harness/reports/schema.ts'
import {projectFolder} from '../commands/cli.ts'

const recorded = (path: string) => join(projectFolder, 'logs', 'recorded', path)

/** A full run that was recorded on Linux. */
export function recordedReport(): Report {
  return reportSchema.parse(JSON.parse(readFileSync(recorded('linux/report.json'), 'utf8')))
}

/** One of each kind, by what it is. */
export async function realDocuments(): Promise<Record<string, RunDocument>> {
  const linux = await readDocuments(recorded('linux'))
  const gvisor = await readDocuments(recorded('gvisor'))
  const contents = Object.fromEntries(linux.map(({kind, content}) => [kind, content]))
  return {
    ...(contents as Record<ComparableDocument['kind'], RunDocument>),
    comparison: compare([...linux, ...gvisor]),
    judgement: judge(linux, linux.map(changed)),
  }
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
  '&#60;b>{{x}}url(https://example.net)\u0000\u001b[2J\u202e]]>--><!--'

/** The document with hostile text in every place where its schema takes any text. */
export async function withHostileText(document: RunDocument): Promise<RunDocument> {
  const {schema} = await documentKinds[document.format as Format].load()
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
