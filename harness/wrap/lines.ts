import {type Named, refusalIn} from '../explain/messages.ts'
import {withoutEscapes} from '../text.ts'

/** Bytes as they came, and what the line that they end says of a refused port. */
interface Piece {
  bytes: Buffer
  named?: Named
}

/** Of a longer line, a part at a time is looked at, with the end of the part before it. */
const partCharacters = 2000
const overlapCharacters = 300
const newline = 0x0a
const escapeCharacter = '\u001b'

/** Looks for refused ports in what a program prints, line by line, however it comes in chunks. */
export function openLines() {
  let line = ''
  let named: Named | undefined

  const look = () => {
    named ??= refusalIn(line.includes(escapeCharacter) ? withoutEscapes(line) : line)
  }
  const take = (bytes: Buffer) => {
    // What is looked for is ASCII, but for the names of paths.
    line += bytes.toString('latin1')
    for (; line.length > partCharacters; line = line.slice(partCharacters - overlapCharacters)) {
      const rest = line
      line = rest.slice(0, partCharacters)
      look()
      line = rest
    }
  }
  const end = (): Named | undefined => {
    look()
    const found = named
    line = ''
    named = undefined
    const path = found?.path ?? null
    return found && {...found, path: path && Buffer.from(path, 'latin1').toString('utf8')}
  }
  return {
    /** All bytes of the chunk, cut behind each line that says it. */
    pieces(chunk: Buffer): Piece[] {
      const pieces: Piece[] = []
      let from = 0
      let lineFrom = 0
      for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, lineFrom)) {
        take(chunk.subarray(lineFrom, at))
        lineFrom = at + 1
        const found = end()
        if (found === undefined) continue
        pieces.push({bytes: chunk.subarray(from, lineFrom), named: found})
        from = lineFrom
      }
      take(chunk.subarray(lineFrom))
      return from === chunk.length ? pieces : [...pieces, {bytes: chunk.subarray(from)}]
    },
    /** What the last line says, which nothing ends. */
    end,
  }
}
