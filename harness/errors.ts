import {printable} from './text.ts'

const shownCharacters = 900
/** A message ends with the remedy. */
const shownAtTheEnd = 200

/** Bad usage or bad input: one plain line for the person at the terminal, whatever it quotes, and exit status 2. */
export class UsageError extends Error {
  override name = 'UsageError'

  constructor(message: string) {
    const line = printable(message)
    super(
      line.length > shownCharacters
        ? `${line.slice(0, shownCharacters - shownAtTheEnd)}...${line.slice(-shownAtTheEnd)}`
        : line,
    )
  }
}

/** The exit statuses that scripts depend on. */
export const exitStatus = {
  asExpected: 0,
  unexpected: 1,
  usage: 2,
  failed: 3,
} as const
