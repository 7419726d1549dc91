import {hasGap} from '../check/safe.ts'
import type {Survey, Surveyed} from '../documents/survey-schema.ts'
import {hostWords, residueWords} from '../documents/words.ts'
import {groupBy} from '../group-by.ts'
import type {Block, View} from '../render/model.ts'
import {checkBlocks, safetyWords, subjectWords} from './check.ts'

/** What `rebind survey` found: a row a server, what could not be measured, and how each was checked. */
export function surveyView(survey: Survey): View {
  const {host, wallSeconds, interrupted} = survey
  const measured = measuredOf(survey)
  const reloaded = measured.filter(isReload)
  const restarted = measured.filter((server) => !isReload(server))
  const early = interrupted === undefined ? '' : `, interrupted by ${interrupted}`
  return {
    heading: 'Rebind survey',
    verdict: {tone: 'open', text: resultWords(survey, measured)},
    lead: `${hostWords(host)}; took ${wallSeconds.toFixed(1)} s${early}.`,
    blocks: [
      ...(restarted.length > 0 || reloaded.length === 0
        ? [tableOf('Servers', surveyColumns, restarted)]
        : []),
      ...(reloaded.length > 0 ? [tableOf('Reloads', reloadColumns, reloaded)] : []),
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

function isReload({restarts}: Surveyed): boolean {
  return restarts === 'by-itself'
}

function resultWords({servers}: Survey, measured: readonly Surveyed[]): string {
  const safe = measured.filter(({check}) => check?.safe === true).length
  const many = `${measured.length} of ${servers.length} servers measured`
  return servers.some(isReload)
    ? `${many}: ${safe} restarted without a loss, ${measured.length - safe} with losses`
    : `${many}: ${safe} got their port back at once, ${measured.length - safe} did not`
}

type Columns = readonly [string, (server: Surveyed) => string][]

function tableOf(label: string, columns: Columns, servers: readonly Surveyed[]): Block {
  return {
    ...{kind: 'table', label, columns: columns.map(([title]) => title)},
    rows: servers.map((server) => columns.map(([, cell]) => cell(server))),
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

const surveyColumns: Columns = [
  ['server', ({title}) => title],
  ['version', ({version}) => version ?? '-'],
  ['SO_REUSEADDR', optionWords],
  ['residue', ({check}) => residueWords({residue: check?.rounds.at(-1)?.residue ?? null})],
  ['verdict', ({check}) => check?.rounds.at(-1)?.verdict ?? '-'],
  ['outage with a connection open', outageWords],
]

/** `overlap`, or how long nobody listened. */
function handoverWords({check}: Surveyed): string {
  const {trigger} = check ?? {}
  if (trigger === undefined || !hasGap(trigger)) return 'no gap seen'
  const [atLeast, atMost] = trigger.withoutListenerSeconds
  return `gap of ${(atLeast * 1000).toFixed(0)} to ${(atMost * 1000).toFixed(0)} ms`
}

function lossesOf(pick: (lane: Lane) => number): (server: Surveyed) => string {
  return ({check}) => {
    const {traffic} = check ?? {}
    if (traffic === undefined) return '-'
    return String(
      [traffic.new, traffic.idle, traffic.inFlight].reduce((sum, lane) => sum + pick(lane), 0),
    )
  }
}

type Lane = NonNullable<NonNullable<Surveyed['check']>['traffic']>['new']

function msWords(seconds: number | null | undefined): string {
  return seconds === null || seconds === undefined ? '-' : `${(seconds * 1000).toFixed(0)} ms`
}

const reloadColumns: Columns = [
  ['server', ({title}) => title],
  ['version', ({version}) => version ?? '-'],
  ['handover', handoverWords],
  ['opened', ({check}) => String(check?.traffic?.new.opened ?? '-')],
  ['refused', lossesOf(({refused}) => refused)],
  ['reset', lossesOf(({reset}) => reset)],
  ['cut off', lossesOf(({cutOff, unanswered}) => cutOff + unanswered)],
  ['longest gap', ({check}) => msWords(check?.traffic?.longestGapSeconds)],
  ['new one after', ({check}) => msWords(check?.trigger?.answeredAfterSeconds)],
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
