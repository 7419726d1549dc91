import {groups} from '../../scenarios/index.ts'
import {groupBy} from '../group-by.ts'

/** What a group of scenarios is called, and what it teaches. */
export interface GroupHeading {
  id: string
  title: string
  lesson: string
}

/** For the ids that no built-in scenario has: those of a user's file, and those of another version. */
const ownScenarios: GroupHeading = {
  id: 'own',
  title: 'Your own scenarios',
  lesson: 'From a scenario file of yours, or unknown to this version of Rebind.',
}

const headings: readonly GroupHeading[] = [...groups, ownScenarios]
const groupIds = new Map(
  groups.flatMap((group) => Object.keys(group.scenarios).map((id) => [id, group.id])),
)

/** The id of the group that a scenario, or an arm of one, belongs to. A document need not store it: old ones have groups too. */
export function groupIdOf(scenario: string): string {
  return groupIds.get(scenario.split('/', 1)[0] ?? '') ?? ownScenarios.id
}

/** Whatever has a scenario, by groups in the order of the story; groups without any are left out. */
export function grouped<Item extends {scenario: string}>(
  items: readonly Item[],
): {group: GroupHeading; items: Item[]}[] {
  const byGroup = groupBy(items, ({scenario}) => groupIdOf(scenario))
  return headings.flatMap((group) => {
    const own = byGroup.get(group.id)
    return own === undefined ? [] : [{group, items: own}]
  })
}
