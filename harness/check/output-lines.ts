import {monotonicSeconds} from '../clock.ts'
import {readsAsInUse} from '../explain/messages.ts'

/** Longest part of a line that is kept. */
const lineCharacters = 500
const keptLines = 5

/** Words that point at the line which says why a program ended. */
const problem = /error|exception|fail|fatal|cannot|can't|could not|denied|invalid|not found|unable/i

/** How many different lines about a port in use are remembered as usual. */
const rememberedLines = 100

/** What one attempt wrote, as far as it tells why the attempt failed. */
export interface OutputLines {
  /** @param at when it was written, monotonic seconds */
  add(text: string, at?: number): void
  /** The lines that name the error, without repetitions; the last lines where none does. */
  errorLines(): string[]
  namesAddressInUse(): boolean
  /** When that was first named, monotonic seconds; undefined where it was not. */
  namedAddressInUseAt(): number | undefined
  /** All lines that read as if a port were in use, for the starts that follow. */
  readsAsInUse(): ReadonlySet<string>
}

/**
 * Collects lines from pieces of text; keeps few lines, and of an endless line only the beginning.
 * @param usual lines, from {@link OutputLines.readsAsInUse}, that a start prints when nothing is wrong:
 * "e-mail address already in use" is about no port
 */
export function collectLines(usual: ReadonlySet<string> = new Set()): OutputLines {
  const inUse: string[] = []
  const alike = new Set<string>()
  const problems: string[] = []
  let last: string[] = []
  let partial = ''
  let namedAt: number | undefined

  const names = (line: string) => readsAsInUse(line) && !usual.has(withoutNumbers(line.trim()))

  const take = (line: string) => {
    const kept = copied(line.trim())
    if (kept === '') return
    last = [...last, kept].slice(-keptLines)
    if (readsAsInUse(kept) && alike.size < rememberedLines) {
      alike.add(withoutNumbers(kept))
    }
    const list = names(kept) ? inUse : problem.test(kept) ? problems : undefined
    if (list !== undefined && list.length < keptLines && !list.includes(kept)) list.push(kept)
  }
  const namesAddressInUse = () => inUse.length > 0 || names(partial)
  return {
    add(text, at = monotonicSeconds()) {
      const [first = '', ...rest] = text.split(/\r?\n/)
      partial = copied((partial + first).slice(0, lineCharacters))
      for (const line of rest) {
        take(partial)
        partial = copied(line.slice(0, lineCharacters))
      }
      if (namedAt === undefined && namesAddressInUse()) namedAt = at
    },
    errorLines() {
      const all = partial.trim() === '' ? last : [...last, partial.trim()].slice(-keptLines)
      if (names(partial)) return [...inUse, partial.trim()].slice(0, keptLines)
      if (inUse.length > 0) return inUse
      return problems.length > 0 ? problems : all
    },
    namesAddressInUse,
    namedAddressInUseAt: () => namedAt,
    readsAsInUse: () => alike,
  }
}

/** The same, without the pids and times that are others each time. */
function withoutNumbers(line: string): string {
  return line.replace(/\d+/g, '#')
}

/** A part of a string keeps the whole of it in memory, here a chunk of up to 64 kB; a copy does not. */
export function copied(part: string): string {
  return Buffer.from(part, 'utf16le').toString('utf16le')
}
