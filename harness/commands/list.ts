import {groups, scenarios} from '../../scenarios/index.ts'
import {jsonText} from '../documents/json-text.ts'
import type {ScenarioList} from '../documents/list-schema.ts'
import {rulesNamedBy} from '../documents/rules.ts'
import {exitStatus} from '../errors.ts'
import {detectPlatform, ruleTexts} from '../platforms/detect.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import {renderForTerminal} from '../render/terminal.ts'
import {columnsOf} from '../render/wrap.ts'
import {blankResult} from '../restart/blank.ts'
import {groupIdOf} from '../views/groups.ts'
import {listView} from '../views/list.ts'

export interface ListOptions {
  json?: boolean
  limit: number
}

/** `rebind list`: every scenario with its claim, its residue and what this platform's rules predict. */
export async function list({json = false, limit}: ListOptions): Promise<number> {
  const platform = detectPlatform()
  const listed = listFor(platform, await platform.readSettings(), limit)
  process.stdout.write(
    json ? `${jsonText(listed)}\n` : renderForTerminal(listView(listed), columnsOf(process.stdout)),
  )
  return exitStatus.asExpected
}

/** Of a platform with these settings. @param limitSeconds a longer wait is predicted as blocked */
export function listFor(
  platform: Platform,
  settings: Settings,
  limitSeconds: number,
): ScenarioList {
  const listed = Object.entries(scenarios).map(([id, scenario]) => {
    const context = {platform, settings, limitSeconds}
    const {title, claim, predecessor, successor, expected} = blankResult(id, scenario, context)
    const {residue} = scenario
    return {
      ...{scenario: id, group: groupIdOf(id), title, claim, predecessor, successor},
      ...{residue: {...residue}, expected},
    }
  })
  return {
    format: 'rebind-list',
    version: 1,
    stack: platform.stack,
    groups: groups.map(({id, title, lesson}) => ({id, title, lesson})),
    rules: ruleTexts(
      platform.rules,
      listed.flatMap(({expected}) => rulesNamedBy(expected)),
    ),
    scenarios: listed,
  }
}
