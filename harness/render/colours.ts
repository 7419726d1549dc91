import pc from 'picocolors'

/**
 * Colours for one output stream: none where it is not a terminal or NO_COLOR is set (no-color.org).
 * picocolors' own guess also colours pipes wherever CI is set, which breaks what reads them.
 */
export function coloursFor({isTTY}: NodeJS.WriteStream) {
  return pc.createColors(isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb')
}
