import leven from 'leven'

/** As Commander's proposals for a mistyped command (lib/suggestSimilar.js). */
const mostEdits = 3
const leastAlike = 0.4

/** The known names that somebody may have meant with this word, the nearest first; often none. */
export function namesNear(word: string, known: readonly string[]): string[] {
  return known
    .map((name) => ({name, edits: leven(name, word), length: Math.max(name.length, word.length)}))
    .filter(({edits, length}) => edits <= mostEdits && (length - edits) / length > leastAlike)
    .sort((a, b) => a.edits - b.edits)
    .map(({name}) => name)
}
