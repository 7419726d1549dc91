import {createWriteStream} from 'node:fs'
import {onlyOurs} from '../documents/output-file.ts'
import {printable} from '../text.ts'
import {copied} from './output-lines.ts'
import type {ServerOutput} from './server.ts'

const lineCharacters = 2000
const fileCharacters = 8 * 1024 * 1024

/** Where the lines of the servers go that are checked. */
export interface ServerLog {
  add(output: ServerOutput): void
  /** The process of this pid writes no more: its lines that were not ended are written out. */
  end(pid: number): void
  /** Writes out lines that were not ended, and closes the file. */
  close(): Promise<void>
}

/**
 * Opens the file for the servers' output: a line each, with pid and stream before it, harmless to a
 * terminal, and bounded in all directions, as a server may write anything at any length.
 * @param echo gets every line, too
 */
export function openServerLog(file: string, echo?: (line: string) => void): ServerLog {
  const stream = createWriteStream(file, {flags: 'wx', mode: onlyOurs.file})
  let written = 0
  // A full disk must not end the check.
  stream.on('error', () => {
    written = fileCharacters
  })
  const partial = new Map<string, string>()

  const finish = (prefix: string) => {
    const text = partial.get(prefix)
    partial.delete(prefix)
    if (text !== undefined && text !== '') put(prefix, text)
  }
  const put = (prefix: string, text: string) => {
    const cut = text.length > lineCharacters ? `${text.slice(0, lineCharacters)}...` : text
    const line = `${prefix}${printable(cut)}\n`
    echo?.(line)
    if (written >= fileCharacters) return
    written += line.length
    stream.write(written < fileCharacters ? line : 'the rest is omitted: the file is full\n')
  }
  return {
    add({pid, stream: name, text}) {
      const prefix = prefixOf(pid, name)
      const [first = '', ...rest] = text.split('\n')
      const lines = [(partial.get(prefix) ?? '') + first, ...rest]
      for (const line of lines.slice(0, -1)) put(prefix, line)
      // Of an endless line only the beginning is kept.
      partial.set(prefix, copied((lines.at(-1) ?? '').slice(0, lineCharacters + 1)))
    },
    end(pid) {
      for (const name of ['stdout', 'stderr'] as const) finish(prefixOf(pid, name))
    },
    async close() {
      for (const prefix of [...partial.keys()]) finish(prefix)
      if (stream.destroyed) return
      await new Promise<void>((resolve) => {
        stream.once('close', resolve)
        stream.once('error', () => resolve())
        stream.end()
      })
    },
  }
}

function prefixOf(pid: number, stream: ServerOutput['stream']): string {
  return `[${pid} ${stream}] `
}
