import type {CheckDocument} from '../../documents/check-schema.ts'
import type {Survey} from '../../documents/survey-schema.ts'
import {hostWords} from '../../documents/words.ts'
import {html, type Markup} from '../../render/html/markup.ts'
import {type Article, badge, list, section, shortList, table} from '../../render/html/page.ts'
import {
  errorWords,
  listenedWords,
  reuseaddrWords,
  roundColumns,
  safetyWords,
  subjectWords,
} from '../check-words.ts'
import {measured as measuredOf, surveyColumns, unanswered} from '../survey-renderings.ts'

const roundsShown = 200
const errorsShown = 200

/** The page of `rebind check`. */
export function checkArticle(document: CheckDocument): Article {
  return {
    title: `Rebind check of ${subjectWords(document)}`,
    body: html`<p>${hostWords(document.host)}</p>\n${checkBody(document)}`,
  }
}

function checkBody(document: CheckDocument): Markup {
  const {rounds, advice, safe, problem} = document
  const more = rounds.length - roundsShown
  const cells = rounds
    .slice(0, roundsShown)
    .map((round, index) => roundColumns.map(([, cell]) => cell(round, index)))
  const titles = roundColumns.map(([title]) => title)
  const errors = rounds.flatMap((round) => round.errors.map(errorWords))
  const verdict = problem !== undefined ? 'open' : safe ? 'good' : 'bad'
  return html`<p class="verdict ${verdict}">${safetyWords(document)}</p>
${problem !== undefined && html`<p><strong>What to do:</strong> ${problem.remedy}</p>`}
${
  rounds.length > 0 &&
  html`${table('Rounds', titles, cells)}${more > 0 && html`<p>and ${more} more in check.json</p>`}
<p>${reuseaddrWords(document)}</p>`
}
${section('What to do', list(advice))}
${section(
  'What the server said',
  shortList(
    errors.map((error) => html`<code>${error}</code>`),
    errorsShown,
    'check.json',
  ),
)}
${section(
  'Who listened, since the first start',
  shortList(rounds.flatMap(listenedWords), errorsShown, 'check.json'),
)}`
}

/** The page of `rebind survey`: a row a server, and how each was checked. */
export function surveyArticle(survey: Survey): Article {
  const {host, wallSeconds, interrupted} = survey
  const measured = measuredOf(survey)
  const safe = measured.filter(({check}) => check?.safe === true).length
  const rows = measured.map((server) => surveyColumns.map(([, cell]) => cell(server)))
  return {
    title: 'Rebind survey',
    body: html`<p>${hostWords(host)}; took ${wallSeconds.toFixed(1)} s.${interrupted !== undefined && ` Interrupted by ${interrupted}.`}</p>
<p class="verdict open">${measured.length} of ${survey.servers.length} servers measured: ${safe} got their port back at once, ${measured.length - safe} did not</p>
${
  rows.length > 0 &&
  table(
    'Servers',
    surveyColumns.map(([title]) => title),
    rows,
  )
}
${section('Not measured', list(unanswered(survey)))}
${section(
  'How each was checked',
  measured.length > 0 &&
    html`${measured.map(
      ({title, check}) =>
        check !== null &&
        html`<details><summary><span class="id">${title}</span> ${check.safe ? badge('good', 'safe') : badge('bad', 'not safe')}</summary><div>
<p><code>${subjectWords(check)}</code></p>
${checkBody(check)}</div></details>`,
    )}`,
)}`,
  }
}
