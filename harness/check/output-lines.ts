import {monotonicSeconds} from '../clock.ts'
import {readsAsInUse, refusalIn} from '../explain/messages.ts'

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
  /** Whether it was refused a port: one of these, as far as lines name any. Without them, whichever. */
  namesAddressInUse(ports?: readonly number[]): boolean
  /** When that was first said, monotonic seconds; undefined where it was not. */
  namedAddressInUseAt(ports?: readonly number[]): number | undefined
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
  let partialAt = 0
  /** What was said to be in use, and when that was first said. */
  const named = new Map<InUse, number>()

  const names = (line: string) => readsAsInUse(line) && !usual.has(withoutNumbers(line.trim()))

  const take = (line: string, at: number) => {
    const kept = copied(line.trim())
    if (kept === '') return
    last = [...last, kept].slice(-keptLines)
    if (readsAsInUse(kept) && alike.size < rememberedLines) {
      alike.add(withoutNumbers(kept))
    }
    if (names(kept)) remember(inUseIn(kept), at)
    const list = names(kept) ? inUse : problem.test(kept) ? problems : undefined
    if (list !== undefined && list.length < keptLines && !list.includes(kept)) list.push(kept)
  }
  const remember = (what: InUse, at: number) => {
    if (!named.has(what)) named.set(what, at)
  }
  const namedAddressInUseAt = (ports?: readonly number[]) => {
    const all = new Map(named)
    if (names(partial) && !all.has(inUseIn(partial))) all.set(inUseIn(partial), partialAt)
    const isTold = [...all.keys()].some((what) => what !== 'unnamed')
    const times = [...all].flatMap(([what, at]) => {
      if (ports === undefined) return at
      // "code: 'EADDRINUSE'" is one of the lines about the port that another one names.
      if (what === 'unnamed') return isTold ? [] : at
      return typeof what === 'number' && ports.includes(what) ? at : []
    })
    return times.length === 0 ? undefined : Math.min(...times)
  }
  return {
    add(text, at = monotonicSeconds()) {
      const [first = '', ...rest] = text.split(/\r?\n/)
      partial = copied((partial + first).slice(0, lineCharacters))
      for (const line of rest) {
        take(partial, at)
        partial = copied(line.slice(0, lineCharacters))
      }
      partialAt = at
    },
    errorLines() {
      const all = partial.trim() === '' ? last : [...last, partial.trim()].slice(-keptLines)
      if (names(partial)) return [...inUse, partial.trim()].slice(0, keptLines)
      if (inUse.length > 0) return inUse
      return problems.length > 0 ? problems : all
    },
    namesAddressInUse: (ports) => namedAddressInUseAt(ports) !== undefined,
    namedAddressInUseAt,
    readsAsInUse: () => alike,
  }
}

/** A port; the path of a Unix socket; or a line does not say what. */
type InUse = number | 'path' | 'unnamed'

function inUseIn(line: string): InUse {
  const {code, port = null, path = null} = refusalIn(line) ?? {}
  if (code !== 'EADDRINUSE') return 'unnamed'
  return port ?? (path === null ? 'unnamed' : 'path')
}

/** The same, without the pids and times that are others each time. */
function withoutNumbers(line: string): string {
  return line.replace(/\d+/g, '#')
}

/** A part of a string keeps the whole of it in memory, here a chunk of up to 64 kB; a copy does not. */
export function copied(part: string): string {
  return Buffer.from(part, 'utf16le').toString('utf16le')
}
