import type {TimelineEntry} from '../documents/report-schema.ts'

/** What a line of versions writes into. */
interface Written {
  entries: TimelineEntry[]
  /** The last entry of each end of a connection. */
  latest: Map<string, TimelineEntry>
}

/**
 * The changes of state that were told of, in their order. It never changes: adding to it makes another one.
 * All of them share one list, of which each knows how much is its own, so that a hundred thousand changes cost
 * no more than their number; whoever adds to an earlier one copies.
 */
export class Timeline implements Iterable<TimelineEntry> {
  readonly length: number
  readonly #written: Written

  private constructor(written: Written, length: number) {
    this.#written = written
    this.length = length
  }

  static readonly empty = new Timeline({entries: [], latest: new Map()}, 0)

  /** With this change after all others, and the last one before it of the same end of the same connection. */
  add(entry: TimelineEntry): {timeline: Timeline; before: TimelineEntry | undefined} {
    const written = this.#ownWritten()
    const end = endOf(entry)
    const before = written.latest.get(end)
    written.entries.push(entry)
    written.latest.set(end, entry)
    return {timeline: new Timeline(written, written.entries.length), before}
  }

  *[Symbol.iterator](): Iterator<TimelineEntry> {
    for (let index = 0; index < this.length; index++) {
      const entry = this.#written.entries[index]
      if (entry !== undefined) yield entry
    }
  }

  #ownWritten(): Written {
    // The empty one is everybody's.
    if (this.length > 0 && this.length === this.#written.entries.length) return this.#written
    const entries = [...this]
    return {entries, latest: new Map(entries.map((entry) => [endOf(entry), entry]))}
  }
}

function endOf({endpoint, connection}: TimelineEntry): string {
  return `${endpoint} ${connection}`
}
