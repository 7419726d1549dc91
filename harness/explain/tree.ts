import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs'

/**
 * What the processes of one tree (npm, a cluster's primary, its workers) have explained already, so that it is explained
 * once. The first of them opens a file in memory that has no name, and tells the others where it is in the environment: it
 * is gone with that process, whatever ends it. Without /proc, or a folder in memory, each process knows its own only.
 */
const variable = 'REBIND_EXPLAIN'
const folder = '/dev/shm'
/** O_TMPFILE, which Node does not name: __O_TMPFILE (include/uapi/asm-generic/fcntl.h) and O_DIRECTORY. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY

/** Begins a tree, unless this process is in one. */
export function joinTree(): void {
  if (process.platform !== 'linux' || process.env[variable] !== undefined) return
  try {
    const fd = openSync(folder, constants.O_RDWR | O_TMPFILE, 0o600)
    const {dev, ino} = fstatSync(fd)
    process.env[variable] = JSON.stringify({file: `/proc/${process.pid}/fd/${fd}`, dev, ino})
  } catch {
    // Not permitted, or no such folder.
  }
}

/** @returns whether this process is the first of its tree to claim this; it then says when it has explained it */
export function claim(what: string): boolean {
  const mine = `${what} by ${process.pid} at ${process.hrtime.bigint()}`
  const claims = add(mine)
  return claims === undefined || claims.find((line) => line.startsWith(`${what} by `)) === mine
}

export function explained(what: string): void {
  add(explainedLine(what))
}

/** Waits until whoever has claimed this has explained it. */
export function awaitExplained(what: string, seconds: number): void {
  const turns = (seconds * 1000) / turnMilliseconds
  for (let turn = 0; turn < turns; turn++) {
    const lines = add()
    if (lines === undefined || lines.includes(explainedLine(what))) return
    sleep(turnMilliseconds)
  }
}

const turnMilliseconds = 10

function explainedLine(what: string): string {
  return `${what} is explained`
}

/** Blocks this thread. */
export function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

/**
 * Adds a line to what the tree knows; none, to read it only.
 * @returns all lines; undefined if there is no tree
 */
function add(line?: string): string[] | undefined {
  let fd: number | undefined
  try {
    const {file, dev, ino} = JSON.parse(process.env[variable] ?? '')
    // The number of an ended process, or of a closed file, may be another one's now; and nobody else's file is written to,
    // whatever the environment says: ours has no name.
    const isSame = (stat: Stats) =>
      stat.dev === dev && stat.ino === ino && stat.nlink === 0 && stat.uid === process.geteuid?.()
    if (!isSame(statSync(file))) return undefined
    fd = openSync(file, constants.O_RDWR | constants.O_APPEND)
    if (!isSame(fstatSync(fd))) return undefined
    if (line !== undefined) writeSync(fd, `${line}\n`)
    return readFileSync(file, 'utf8').split('\n')
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
