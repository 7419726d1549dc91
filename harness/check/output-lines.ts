/** Longest part of a line that is kept. */
const lineCharacters = 500
const keptLines = 5

/** How programs in any language say that the port is in use: by name, in words, by Linux' and macOS' number. */
const addressInUse =
  /EADDRINUSE|address (is )?already in use|address in use|only one usage of each socket address|could not bind.*in use|errno[ :=]*(98|48)\b|os error (98|48)\b/i
/** Words that point at the line which says why a program ended. */
const problem = /error|exception|fail|fatal|cannot|can't|could not|denied|invalid|not found|unable/i

/** What one attempt wrote, as far as it tells why the attempt failed. */
export interface OutputLines {
  add(text: string): void
  /** The lines that name the error, without repetitions; the last lines where none does. */
  errorLines(): string[]
  namesAddressInUse(): boolean
}

/** Collects lines from pieces of text; keeps few lines, and of an endless line only the beginning. */
export function collectLines(): OutputLines {
  const inUse: string[] = []
  const problems: string[] = []
  let last: string[] = []
  let partial = ''

  const take = (line: string) => {
    const kept = line.trim()
    if (kept === '') return
    last = [...last, kept].slice(-keptLines)
    const list = addressInUse.test(kept) ? inUse : problem.test(kept) ? problems : undefined
    if (list !== undefined && list.length < keptLines && !list.includes(kept)) list.push(kept)
  }
  return {
    add(text) {
      const [first = '', ...rest] = text.split(/\r?\n/)
      partial = (partial + first).slice(0, lineCharacters)
      for (const line of rest) {
        take(partial)
        partial = line.slice(0, lineCharacters)
      }
    },
    errorLines() {
      const all = partial.trim() === '' ? last : [...last, partial.trim()].slice(-keptLines)
      if (addressInUse.test(partial)) return [...inUse, partial.trim()].slice(0, keptLines)
      if (inUse.length > 0) return inUse
      return problems.length > 0 ? problems : all
    },
    namesAddressInUse: () => inUse.length > 0 || addressInUse.test(partial),
  }
}
