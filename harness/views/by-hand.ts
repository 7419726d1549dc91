import type {Host, Result} from '../documents/report-schema.ts'
import {
  type ByHand,
  byHand,
  inNamespace,
  namespacesWithPid,
  type Sought,
} from '../platforms/by-hand.ts'
import type {Text} from '../render/model.ts'

/** Beyond so many kinds of residue the lines would only repeat themselves. */
const mostSought = 4

/** The lines with which a reader sees a result's residue without Rebind; none where nothing was left. */
export function byHandLines(result: Result, {stack}: Pick<Host, 'stack'>): Text[] {
  const sought = soughtOf(result)
  if (sought.length === 0) return []
  const lines = new Map<string, Text>()
  for (const tool of byHand[stack]) {
    for (const each of sought) {
      const line = tool.line(each)
      // netstat and lsof show all of a port at once.
      if (!lines.has(line)) lines.set(line, told(tool, line, sought))
    }
  }
  return [...lines.values()]
}

/** Where and when those lines show it. */
export function byHandNotes(result: Result): Text {
  const while_ =
    'While the residue lasts, in another terminal; another run is likely to take another port.'
  if (result.settings === undefined) return while_
  return [
    `${while_} The scenario had a network namespace of its own, outside of which they show nothing: put `,
    {code: inNamespace},
    ' before a line; of a pipe only its first program needs it. ',
    {code: namespacesWithPid},
    ' lists a PID for each namespace, that of the scenario until the scenario ends.',
  ]
}

function soughtOf({port, residue, expected}: Result): Sought[] {
  if (port === undefined) return []
  // Where the operating system does not show it, what it should be is all that is known.
  if (residue === null) {
    const state = expected?.residue ?? 'none'
    return state === 'none' ? [] : [{port, endpoint: 'server', state}]
  }
  return residue.slice(0, mostSought).map(({endpoint, state}) => ({port, endpoint, state}))
}

function told({cannot, says}: ByHand, line: string, sought: readonly Sought[]): Text {
  const missing = sought.flatMap(({state}) => cannot(state) ?? [])
  const words = [...new Set(missing)].join('; ')
  const isBlind = missing.length === sought.length
  return [
    {code: line},
    `: ${isBlind ? words : [says, ...(words === '' ? [] : [words])].join('; ')}`,
  ]
}
