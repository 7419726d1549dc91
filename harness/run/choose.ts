import {UsageError} from '../errors.ts'
import {namesNear} from '../near.ts'
import {expandArms, type Scenario, type ScenarioWithArms} from '../scenario.ts'

const mostProposed = 3

type Definitions = Readonly<Record<string, Scenario | ScenarioWithArms>>

/**
 * What is to be played: the scenarios of these ids, where a scenario's own id stands for all its arms, and
 * in addition all own scenarios of which no id names a part. Without ids and own scenarios that is
 * everything; without ids, the own scenarios.
 * @throws UsageError for an id that no scenario has, and for an own scenario with a built-in one's id
 */
export function chooseScenarios(
  builtIn: Readonly<Record<string, Scenario>>,
  own: Definitions,
  ids: readonly string[],
): Record<string, Scenario> {
  const builtInIds = Object.keys(builtIn)
  const clash = Object.keys(own).find((id) => builtInIds.some((scenario) => isOf(scenario, id)))
  if (clash !== undefined) {
    throw new UsageError(`a scenario "${clash}" is built in; give yours a different name`)
  }
  const all = {...builtIn, ...expandArms(own)}
  const known = Object.keys(all)
  const unknown = ids.find((id) => !known.some((scenario) => isOf(scenario, id)))
  if (unknown !== undefined) {
    const near = namesNear(unknown, known).slice(0, mostProposed)
    const proposed = near.length === 0 ? '' : `; the closest: ${near.join(', ')}`
    throw new UsageError(`unknown scenario "${unknown}"${proposed} (rebind list shows all)`)
  }
  const unnamed = Object.keys(own).filter((scenario) => !ids.some((id) => isOf(id, scenario)))
  const wanted = [...ids, ...unnamed]
  return wanted.length === 0
    ? all
    : Object.fromEntries(
        Object.entries(all).filter(([scenario]) => wanted.some((id) => isOf(scenario, id))),
      )
}

/** Whether a scenario is the one of this id, or an arm of it. */
function isOf(scenario: string, id: string): boolean {
  return scenario === id || scenario.startsWith(`${id}/`)
}
