import pc from 'picocolors'

/** What Node takes for colours in FORCE_COLOR; everything else, such as 0, is none (tty.WriteStream.getColorDepth). */
const forcing: readonly string[] = ['', '1', 'true', '2', '3']

/**
 * Colours for one output stream. As in Node, FORCE_COLOR decides if it is set, whatever the stream is and whatever
 * NO_COLOR says; without it there are none if the stream is not a terminal or NO_COLOR is set (no-color.org).
 * picocolors' own guess also colours pipes wherever CI is set, which breaks what reads them.
 */
export function coloursFor({isTTY}: Pick<NodeJS.WriteStream, 'isTTY'>, env = process.env) {
  const {FORCE_COLOR, NO_COLOR, TERM} = env
  if (FORCE_COLOR !== undefined) return pc.createColors(forcing.includes(FORCE_COLOR))
  return pc.createColors(isTTY === true && !NO_COLOR && TERM !== 'dumb')
}
