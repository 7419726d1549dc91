/** Bad usage or bad input: one line for the person at the terminal, and exit status 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** The exit statuses that scripts depend on. */
export const exitStatus = {
  asExpected: 0,
  unexpected: 1,
  usage: 2,
  failed: 3,
} as const
