import type {Survey, Surveyed} from '../documents/survey-schema.ts'
import {hostWords, residueWords} from '../documents/words.ts'
import {groupBy} from '../group-by.ts'
import type {Block, View} from '../render/model.ts'
import {checkBlocks, safetyWords, subjectWords} from './check.ts'

/** What `rebind survey` found: a row a server, what could not be measured, and how each was checked. */
export function surveyView(survey: Survey): View {
  const {host, servers, wallSeconds, interrupted} = survey
  const measured = measuredOf(survey)
  const safe = measured.filter(({check}) => check?.safe === true).length
  const early = interrupted === undefined ? '' : `, interrupted by ${interrupted}`
  return {
    heading: 'Rebind survey',
    verdict: {
      tone: 'open',
      text: `${measured.length} of ${servers.length} servers measured: ${safe} got their port back at once, ${measured.length - safe} did not`,
    },
    lead: `${hostWords(host)}; took ${wallSeconds.toFixed(1)} s${early}.`,
    blocks: [
      {
        kind: 'table',
        label: 'Servers',
        columns: surveyColumns.map(([title]) => title),
        rows: measured.map((server) => surveyColumns.map(([, cell]) => cell(server))),
      },
      {
        ...{kind: 'section', title: 'Not measured'},
        blocks: [{kind: 'list', items: unanswered(survey)}],
      },
      {
        ...{kind: 'section', title: 'How each was checked'},
        blocks: measured.flatMap(howChecked),
      },
    ],
    file: 'survey.json',
  }
}

function howChecked({title, check}: Surveyed): Block[] {
  if (check === null) return []
  const badge = check.safe
    ? ({tone: 'good', words: 'safe'} as const)
    : ({tone: 'bad', words: 'not safe'} as const)
  const blocks: Block[] = [
    {kind: 'text', text: [{code: subjectWords(check)}]},
    {kind: 'text', text: safetyWords(check)},
    ...checkBlocks(check),
  ]
  return [{kind: 'details', summary: title, badge, blocks}]
}

function optionWords({reuseaddr}: Surveyed): string {
  if (reuseaddr === null) return 'not known'
  return reuseaddr ? 'set' : 'not set'
}

function outageWords({outageSeconds, check}: Surveyed): string {
  if (outageSeconds !== null) return `${outageSeconds.toFixed(3)} s`
  const waits = check?.rounds.at(-1)?.verdict === 'blocked'
  return waits ? 'not over within the limit' : '-'
}

const surveyColumns: readonly [string, (server: Surveyed) => string][] = [
  ['server', ({title}) => title],
  ['version', ({version}) => version ?? '-'],
  ['SO_REUSEADDR', optionWords],
  ['residue', ({check}) => residueWords({residue: check?.rounds.at(-1)?.residue ?? null})],
  ['verdict', ({check}) => check?.rounds.at(-1)?.verdict ?? '-'],
  ['outage with a connection open', outageWords],
]

function measuredOf({servers}: Survey): Surveyed[] {
  return servers.filter(({status}) => status === 'measured')
}

/** What a survey leaves unanswered, a line each. */
function unanswered({servers}: Survey): string[] {
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
