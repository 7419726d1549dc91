import type {ListedScenario, ScenarioList} from '../documents/list-schema.ts'
import type {Expected} from '../documents/report-schema.ts'
import {platformOf} from '../platforms/detect.ts'
import type {Section, View} from '../render/model.ts'
import {possibilitiesOf} from '../restart/alternatives.ts'
import {grouped} from './groups.ts'

/** Every scenario: what it shows, between which servers, and what the rules of the system predict. */
export function listView({stack, scenarios}: ScenarioList): View {
  const {title} = platformOf(stack)
  return {
    heading: 'Scenarios',
    lead: `${scenarios.length} restarts, and what the rules of ${title} predict for each.`,
    blocks: grouped(scenarios).map(({group, items}) => ({
      ...{kind: 'section', title: group.title},
      blocks: [{kind: 'text', text: group.lesson}, ...items.map((item) => sectionOf(item, title))],
    })),
    file: 'the JSON (--json)',
  }
}

function sectionOf(listed: ListedScenario, system: string): Section {
  const {scenario, claim, predecessor, successor, residue, expected} = listed
  return {
    kind: 'section',
    title: scenario,
    blocks: [
      {
        kind: 'facts',
        facts: [
          ['shows', claim],
          ['servers', `${serverWords(predecessor)} -> ${serverWords(successor)}`],
          ['residue', residue.server],
          [`on ${system}`, predictionWords(expected)],
        ],
      },
    ],
  }
}

function serverWords(server: ListedScenario['predecessor']): string {
  const {opener, bind, address, inherited, otherUser} = server
  const how = opener === 'node' ? `server.listen (${bind})` : bind
  const whose = otherUser === undefined ? '' : ", another user's"
  return `${how} on ${address}${inherited === true ? ', inherited' : ''}${whose}`
}

function predictionWords(expected: Expected | null): string {
  if (expected === null) return 'not known'
  return possibilitiesOf(expected).map(possibilityWords).join('; or ')
}

function possibilityWords(expected: Expected): string {
  const {verdict, code, errno, residueSeconds, because, source} = expected
  const error = code === undefined ? '' : `, ${code} ${errno}`
  const range =
    residueSeconds === undefined
      ? ''
      : `, granted ${residueSeconds.map((seconds) => Number(seconds.toFixed(2))).join(' to ')} s after the last residue appeared`
  return `${verdict}${error}${range}; ${because} (${source})`
}
