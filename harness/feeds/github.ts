import {appendToFile} from '../documents/output-file.ts'
import {printable} from '../text.ts'
import type {Suite} from './suite.ts'

/** A line that GitHub shows on the page of the workflow run. */
export interface Annotation {
  level: 'error' | 'warning' | 'notice'
  title: string
  message: string
}

/** What a command has to tell whoever looks at the workflow run. */
export interface JobNews {
  /** Markdown for the job's summary. */
  summary: string
  annotations: readonly Annotation[]
}

/** CreateStepSummaryCommand.AttachmentSizeLimit (actions/runner, FileCommandManager.cs): beyond it, nothing is shown. */
const summaryLimitBytes = 1024 * 1024
const cutNotice =
  '\n**The rest is cut: GitHub shows 1 MiB of a summary. The run folder holds the whole.**\n'
/** GitHub shows only the first of a step's annotations, some ten of a level, and drops the rest without a word. */
const shownOfALevel = 10

/**
 * In GitHub Actions, appends to the job's summary. A summary that cannot be written is a warning and no
 * failure.
 * @returns the annotations as workflow commands, which the runner reads from stdout and stderr
 * (actions/runner, ScriptHandler.cs)
 */
export async function tellGithub(
  {summary, annotations}: JobNews,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const isInActions = env.GITHUB_ACTIONS === 'true'
  const warnings = isInActions ? await appendSummary(env.GITHUB_STEP_SUMMARY, summary) : []
  const lines = [...limited(annotations), ...warnings].map(annotationLine)
  return lines.map((line) => `${line}\n`).join('')
}

/** An error for each case that is not as expected, a notice of what was skipped. */
export function newsOf({host, cases}: Suite, summary: string): JobNews {
  const errors = cases
    .filter(({status}) => status === 'unexpected' || status === 'failed')
    .map(
      ({name, status, reason}): Annotation => ({
        level: 'error',
        title: `${name} ${status}`,
        message: `${host}: ${reason}`,
      }),
    )
  const skipped = cases.filter(({status}) => status === 'skipped')
  const notice: Annotation = {
    level: 'notice',
    title: `${skipped.length} skipped or not judged`,
    message: [host, ...skipped.map(({name, reason}) => `${name}: ${reason}`)].join('\n'),
  }
  return {summary, annotations: skipped.length === 0 ? errors : [...errors, notice]}
}

/**
 * A workflow command on one line. What stands in it can neither end it, nor add a property, nor begin
 * another command. Escapes: actions/toolkit, packages/core/src/command.ts.
 */
export function annotationLine({level, title, message}: Annotation): string {
  return `::${level} title=${escapedProperty(title)}::${escapedData(message)}`
}

/** Line breaks of a message are kept: GitHub shows them. */
function escapedData(text: string): string {
  const lines = text.split(/\r\n|\r|\n/).map(printable)
  return lines.join('\n').replaceAll('%', '%25').replaceAll('\n', '%0A')
}

function escapedProperty(text: string): string {
  return printable(text).replaceAll('%', '%25').replaceAll(':', '%3A').replaceAll(',', '%2C')
}

/** As many of each level as GitHub shows for sure, the last of them saying how many more there are. */
function limited(annotations: readonly Annotation[]): Annotation[] {
  return (['error', 'warning', 'notice'] as const).flatMap((level) => {
    const all = annotations.filter((annotation) => annotation.level === level)
    if (all.length <= shownOfALevel) return all
    const shown = all.slice(0, shownOfALevel - 1)
    const others = all.slice(shown.length)
    const message = others.map(({title}) => printable(title)).join('\n')
    return [...shown, {level, title: `and ${others.length} more`, message}]
  })
}

async function appendSummary(file: string | undefined, markdown: string): Promise<Annotation[]> {
  if (file === undefined || file === '') return []
  try {
    await appendToFile(file, (written) => cutToFit(`${markdown}\n`, summaryLimitBytes - written))
    return []
  } catch (error) {
    const {code, message} = error as NodeJS.ErrnoException
    return [
      {
        level: 'warning',
        title: 'Rebind wrote no job summary',
        message: `GITHUB_STEP_SUMMARY cannot be written (${code ?? message}); the run folder holds the report`,
      },
    ]
  }
}

/** The text, or as many of its whole lines as fit beside the notice that it was cut; at worst nothing. */
function cutToFit(markdown: string, room: number): string {
  const bytes = Buffer.from(markdown)
  if (bytes.length <= room) return markdown
  const kept = room - Buffer.byteLength(cutNotice)
  if (kept < 0) return ''
  // A line break is one byte that no longer character contains.
  return bytes.subarray(0, bytes.lastIndexOf('\n', kept) + 1).toString() + cutNotice
}
