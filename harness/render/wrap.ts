/**
 * Breaks a sentence between words, so that a terminal does not break it within one.
 * @param width the terminal's columns; undefined where the output is not a terminal
 * @param hang what the lines after the first begin with
 */
export function wrap(sentence: string, width: number | undefined, hang = '  '): string {
  if (width === undefined || sentence.length <= width) return sentence
  const [, lead = '', text = ''] = /^(\s*)(.*)$/s.exec(sentence) ?? []
  const lines: string[] = []
  let line = lead
  for (const word of text.split(' ')) {
    const isEmpty = line.trim() === ''
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line)
      line = `${hang}${word}`
    } else line = isEmpty ? `${line}${word}` : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}

/** A line that begins with `- ` is a sentence, and is wrapped; tables are left as they are. */
export function wrapSentences(lines: readonly string[], width: number | undefined): string[] {
  return lines.map((line) => (line.startsWith('- ') ? wrap(line, width) : line))
}

/** How wide a stream is; undefined where it is not a terminal, or one that says 0, as a serial console does. */
export function columnsOf({columns}: {columns?: number | undefined}): number | undefined {
  return columns === 0 ? undefined : columns
}
