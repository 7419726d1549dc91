/** How long a successor tries, unless told otherwise: longer than any kernel of today keeps a port. */
export const defaultLimitSeconds = 150

/**
 * How often scenarios are played in one run, all together: a report tells each in some 25 values and 600
 * bytes, and more of them than this would make one that is too large to be read (documents/read-json.ts).
 */
export const mostPlays = 18_000
