import type {Survey, Surveyed} from '../documents/survey-schema.ts'
import {hostWords, residueWords} from '../documents/words.ts'
import {groupBy} from '../group-by.ts'
import {coloursFor} from '../render/colours.ts'
import {fittedTable} from '../render/fitted-table.ts'
import {wrap} from '../render/wrap.ts'
import {printable} from '../text.ts'
import {literal, row, section} from './report-markdown.ts'

const pc = coloursFor(process.stdout)

function optionWords({reuseaddr}: Surveyed): string {
  if (reuseaddr === null) return 'not known'
  return reuseaddr ? 'set' : 'not set'
}

function outageWords({outageSeconds, check}: Surveyed): string {
  if (outageSeconds !== null) return `${outageSeconds.toFixed(3)} s`
  const waits = check?.rounds.at(-1)?.verdict === 'blocked'
  return waits ? 'not over within the limit' : '-'
}

/** The columns that every rendering of a survey has, in this order. */
export const surveyColumns: readonly [string, (server: Surveyed) => string][] = [
  ['server', ({title}) => title],
  ['version', ({version}) => version ?? '-'],
  ['SO_REUSEADDR', optionWords],
  ['residue', ({check}) => residueWords({residue: check?.rounds.at(-1)?.residue ?? null})],
  ['verdict', ({check}) => check?.rounds.at(-1)?.verdict ?? '-'],
  ['outage with a connection open', outageWords],
]

export function measured({servers}: Survey): Surveyed[] {
  return servers.filter(({status}) => status === 'measured')
}

/** What a survey leaves unanswered, a line each. */
export function unanswered({servers}: Survey): string[] {
  const failed = servers.filter(({status}) => status === 'failed')
  const absent = servers.filter(({status}) => status === 'not-installed').map(({id}) => id)
  return [
    ...failed.map(({id, reason}) => `${id} could not be measured: ${reason ?? 'no reason'}`),
    ...skippedLines(servers),
    ...(absent.length > 0 ? [`Not installed here: ${absent.join(', ')}`] : []),
  ]
}

/** Servers are mostly skipped for the same reason. */
function skippedLines(servers: readonly Surveyed[]): string[] {
  const skipped = servers.filter(({status}) => status === 'skipped')
  const reasons = groupBy(skipped, ({reason}) => reason ?? 'no reason')
  return [...reasons].map(
    ([reason, those]) => `Skipped: ${those.map(({id}) => id).join(', ')}: ${reason}`,
  )
}

/**
 * What `rebind survey` prints.
 * @param width the terminal's columns; undefined where the output is not a terminal
 */
export function renderSurvey(survey: Survey, width: number | undefined): string {
  const rows = measured(survey).map((server) =>
    surveyColumns.map(([, cell]) => printable(cell(server))),
  )
  const lines = [pc.bold(hostWords(survey.host)), '']
  if (rows.length > 0) {
    const titles = surveyColumns.map(([title]) => title)
    lines.push(fittedTable(titles, rows, width, pc.bold), '')
  }
  lines.push(...unanswered(survey).map((line) => wrap(printable(line), width)))
  lines.push(`${rows.length} measured in ${survey.wallSeconds.toFixed(1)} s`)
  return `${lines.join('\n')}\n`
}

/** A survey as GitHub-flavoured Markdown. */
export function renderSurveyMarkdown(survey: Survey): string {
  return [
    '# Rebind survey',
    '',
    `${literal(hostWords(survey.host))}; took ${survey.wallSeconds.toFixed(1)} s.`,
    '',
    row(surveyColumns.map(([title]) => title)),
    row(surveyColumns.map(() => '---')),
    ...measured(survey).map((server) =>
      row(surveyColumns.map(([, cell]) => literal(cell(server)))),
    ),
    '',
    ...section('Not measured', unanswered(survey).map(literal)),
  ].join('\n')
}
