import {monotonicSeconds} from '../clock.ts'
import {jsonText} from '../documents/json-text.ts'
import type {WatchLine} from '../documents/watch-schema.ts'
import type {Block} from '../render/model.ts'
import {renderBlock, renderForScreen, renderForTerminal} from '../render/terminal.ts'
import {columnsOf} from '../render/wrap.ts'
import {changeBlocks, freeView, lineBlock, type WatchTitle, watchView} from '../views/watch.ts'
import type {WatchReading} from '../why/watch.ts'

/** Shows what a watch sees while it lasts. */
export interface WatchDisplay {
  reading(reading: WatchReading): void
  /** A plain bind was granted. */
  free(): void
  close(): void
}

const redrawEveryMilliseconds = 500
/** A line a change, for logs and pipes. */
export function plainWatch(
  stream: Pick<NodeJS.WriteStream, 'write'>,
  title: WatchTitle,
): WatchDisplay {
  let first = true
  const print = (block: Block) => stream.write(`${renderBlock(block)}\n`)
  return {
    reading(reading) {
      const {at, sockets} = reading
      if (first && sockets.length === 0) {
        print(lineBlock(at, title, `no visible socket on port ${title.port}`))
      }
      first = false
      for (const block of changeBlocks(reading, title)) print(block)
    },
    free() {
      const words = `port ${title.port} is free: a plain bind is granted`
      print(lineBlock(monotonicSeconds(), title, words))
    },
    close: () => undefined,
  }
}

/** A JSON document a line, one for each change of each socket. */
export function jsonWatch(stream: NodeJS.WriteStream, {port, began}: WatchTitle): WatchDisplay {
  const line = (at: number, fields: object) => {
    const common = {format: 'rebind-watch', version: 1, port, seconds: at - began}
    stream.write(`${jsonText({...common, ...fields} as WatchLine)}\n`)
  }
  return {
    reading({at, changes, sockets}) {
      const byEntry = new Map(sockets.map((socket) => [socket.entry, socket]))
      for (const {change, entry, was} of changes) {
        const {state, local, remote, expiresInSeconds} = entry
        const pid = byEntry.get(entry)?.holders[0]?.pid ?? null
        const before = was === undefined ? {} : {was}
        line(at, {change, state, ...before, local, remote, expiresInSeconds, pid})
      }
    },
    free: () => line(monotonicSeconds(), {change: 'free'}),
    close: () => undefined,
  }
}

/** A table that is redrawn twice a second, its countdowns run by the clock between two readings. */
export async function liveWatch(
  stream: NodeJS.WriteStream,
  title: WatchTitle,
): Promise<WatchDisplay> {
  const {createLogUpdate} = await import('log-update')
  const display = createLogUpdate(stream)
  let last: WatchReading | undefined
  const draw = () => {
    if (last === undefined) return
    // A line that the terminal would wrap takes a line from the others.
    const screen = {columns: (columnsOf(stream) ?? 80) - 1, rows: (stream.rows ?? 24) - 1}
    display(renderForScreen(watchView(last, title, monotonicSeconds()), screen))
  }
  const timer = setInterval(draw, redrawEveryMilliseconds)
  return {
    reading(reading) {
      const isFirst = last === undefined
      last = reading
      if (isFirst) draw()
    },
    free() {
      stream.write(renderForTerminal(freeView(title, monotonicSeconds()), columnsOf(stream)))
    },
    close() {
      clearInterval(timer)
      display.clear()
      display.done()
    },
  }
}
