import type {WhyProcess} from '../documents/why-schema.ts'
import type {Text} from '../render/model.ts'

const shownParents = 3

/** `2026-11-27 14:03:11 UTC`. */
export function startWords(startedAt: string | null): string {
  return startedAt === null ? '-' : `${startedAt.slice(0, 19).replace('T', ' ')} UTC`
}

/** `npm start (12), sh (9)`: whoever started it first. */
export function parentWords(parents: NonNullable<WhyProcess['parents']>): Text {
  const shown = parents
    .slice(0, shownParents)
    .flatMap(({pid, command}, index) => [
      ...(index === 0 ? [] : [', by ']),
      {short: command ?? '?'},
      ` (${pid})`,
    ])
  return parents.length === 0 ? '-' : [...shown, ...(parents.length > shownParents ? [' ...'] : [])]
}
