import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import {setFlagsFromString} from 'node:v8'
import {runInNewContext} from 'node:vm'
import test from 'ava'
import {collectLines} from '../../harness/check/output-lines.ts'
import {openServerLog} from '../../harness/check/server-log.ts'
import {temporaryFolder} from '../commands/cli.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** A chunk as it comes from a pipe, which nothing else refers to. */
function chunk(index: number): string {
  return Buffer.from(
    `${index} line\n${'x'.repeat(64 * 1024)}\n${index} is where this ends, without the end of a line`,
  ).toString()
}

const starts = 500
/** A tenth of what all chunks are. */
const allowedBytes = starts * 6500

function heapBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

test.serial(
  'of what hundreds of starts wrote no more is kept in memory than the lines that are shown',
  (t) => {
    const before = heapBytes()
    const kept = Array.from({length: starts}, (_, index) => {
      const lines = collectLines()
      lines.add(chunk(index))
      return lines
    })
    const grown = heapBytes() - before
    t.true(grown < allowedBytes, `${grown} bytes`)
    t.regex(kept[7]?.errorLines().join() ?? '', /7 is where this ends/)
  },
)

test.serial('the log keeps the beginning of a line, and no longer than its process', async (t) => {
  const file = join(temporaryFolder(t), 'server.log')
  const log = openServerLog(file)
  const before = heapBytes()
  for (let pid = 1; pid <= starts; pid++) log.add({pid, stream: 'stdout', text: chunk(pid)})
  const grown = heapBytes() - before
  t.true(grown < allowedBytes, `${grown} bytes`)
  log.end(7)
  log.add({pid: 7, stream: 'stdout', text: 'another process\n'})
  await log.close()
  const text = readFileSync(file, 'utf8')
  t.regex(
    text,
    /^\[7 stdout\] 7 is where this ends, without the end of a line\n\[7 stdout\] another process$/m,
  )
  t.is(text.match(/the end of a line$/gm)?.length, starts)
})
