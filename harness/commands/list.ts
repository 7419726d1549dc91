import {groups, scenarios} from '../../scenarios/index.ts'
import {jsonText} from '../documents/json-text.ts'
import type {Expected} from '../documents/report-schema.ts'
import {rulesNamedBy} from '../documents/rules.ts'
import {exitStatus} from '../errors.ts'
import {detectPlatform, ruleTexts} from '../platforms/detect.ts'
import {coloursFor} from '../render/colours.ts'
import {columnsOf, wrap} from '../render/wrap.ts'
import {possibilitiesOf} from '../restart/alternatives.ts'
import {blankResult} from '../restart/blank.ts'
import {grouped, groupIdOf} from '../views/groups.ts'

const pc = coloursFor(process.stdout)

export interface ListOptions {
  json?: boolean
  limit: number
}

/** `rebind list`: every scenario with its claim, its residue and what this platform's rules predict. */
export async function list({json, limit}: ListOptions): Promise<number> {
  const platform = detectPlatform()
  const settings = await platform.readSettings()
  const rows = Object.entries(scenarios).map(([id, scenario]) => {
    const context = {platform, settings, limitSeconds: limit}
    const {title, claim, predecessor, successor, expected} = blankResult(id, scenario, context)
    const group = groupIdOf(id)
    return {
      scenario: id,
      group,
      title,
      claim,
      predecessor,
      successor,
      residue: scenario.residue,
      expected,
    }
  })
  if (json === true) {
    const {stack, rules} = platform
    const texts = ruleTexts(
      rules,
      rows.flatMap(({expected}) => rulesNamedBy(expected)),
    )
    const named = groups.map(({id, title, lesson}) => ({id, title, lesson}))
    const document = {
      format: 'rebind-list',
      version: 1,
      stack,
      groups: named,
      rules: texts,
      scenarios: rows,
    }
    process.stdout.write(`${jsonText(document)}\n`)
    return exitStatus.asExpected
  }
  const width = columnsOf(process.stdout)
  const lines = grouped(rows).flatMap(({group, items}) => [
    pc.bold(pc.underline(group.title)),
    wrap(group.lesson, width, ''),
    '',
    ...items.flatMap(linesOf),
  ])
  function linesOf({
    scenario,
    claim,
    predecessor,
    successor,
    residue,
    expected,
  }: (typeof rows)[number]): string[] {
    return [
      pc.bold(scenario),
      ...[
        `  ${claim}`,
        `  ${serverWords(predecessor)} -> ${serverWords(successor)}; residue at the server: ${residue.server}`,
        `  on ${platform.title}: ${prediction(expected)}`,
      ].map((line) => wrap(line, width, '    ')),
      '',
    ]
  }
  process.stdout.write(lines.join('\n'))
  return exitStatus.asExpected
}

function serverWords({opener, bind}: {opener: string; bind: string}): string {
  return opener === 'node' ? `server.listen (${bind})` : bind
}

function prediction(expected: Expected | null): string {
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
