import {isMeasured} from './answer.ts'
import {differingAspects, isOutside} from './differences.ts'
import {labelsTogether} from './sides.ts'
import type {Party} from './why.ts'

/**
 * Which sides answer alike: a number for each side, the same for those that do; null for one that has no answer.
 * How long a kernel keeps a residue follows from its release, and makes no other kind.
 */
export function kindsOf(parties: readonly (Party | null)[]): (number | null)[] {
  const kinds: Party[][] = []
  return parties.map((party) => {
    if (party === null || !isMeasured(party.result)) return null
    const known = kinds.findIndex((kind) => kind.every((other) => areAlike(party, other)))
    if (known === -1) return kinds.push([party]) - 1
    kinds[known]?.push(party)
    return known
  })
}

function areAlike(a: Party, b: Party): boolean {
  const aspects = differingAspects(a, b)
  const byRelease = !isOutside(a.answer) && !isOutside(b.answer)
  return aspects.every((aspect) => aspect === 'wait' && byRelease)
}

/** The same parties, each under one label with all of its system that answer as it does. */
export function labelledByKind(parties: readonly (Party | null)[]): (Party | null)[] {
  const kinds = kindsOf(parties)
  return parties.map((party, index) => {
    if (party === null || kinds[index] === null) return party
    const like = parties.filter(
      (other, at) => kinds[at] === kinds[index] && other?.host.stack === party.host.stack,
    )
    return {...party, label: labelsTogether(like.flatMap((other) => other?.label ?? []))}
  })
}

/** Of two, the answers themselves say which is which. */
const fewestVersions = 3

/**
 * Since which version each system answers as it does, where it has changed once among those compared, e.g.
 * `Linux 6.1`.
 */
export function changedSince(parties: readonly (Party | null)[]): {stack: string; label: string}[] {
  const kinds = kindsOf(parties)
  const measured = parties.flatMap((party, index) => {
    const kind = kinds[index]
    return party === null || kind == null ? [] : [{party, kind}]
  })
  const stacks = new Set(measured.map(({party}) => party.host.stack))
  return [...stacks].flatMap((stack) => {
    const own = measured
      .filter(({party}) => party.host.stack === stack)
      .sort((a, b) => a.party.label.localeCompare(b.party.label, 'en', {numeric: true}))
    const changes = own.filter(({kind}, index) => index > 0 && kind !== own[index - 1]?.kind)
    const [first] = changes
    const versions = new Set(own.map(({party: {host}}) => host.label ?? host.release))
    return first === undefined || changes.length > 1 || versions.size < fewestVersions
      ? []
      : [{stack, label: first.party.label}]
  })
}
