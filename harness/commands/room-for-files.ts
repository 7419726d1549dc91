import {closeSync, openSync} from 'node:fs'
import {devNull} from 'node:os'

/** Twice as many as were seen to be open at once while a command and the page's charts were loaded. */
const neededToLoad = 128

/**
 * The module loader opens the files of a whole command at once. Where it runs out of them its own thread
 * may end the program with a stack trace, now and then, which is not a place for a remedy: so it is asked
 * before anything is loaded.
 * @throws Error in one line that says what to do
 */
export function proveRoomForFiles(): void {
  const opened: number[] = []
  try {
    while (opened.length < neededToLoad) opened.push(openSync(devNull, 'r'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error
    throw new Error(
      `too many open files: there is room for ${opened.length} more but ${neededToLoad} are needed to start; raise the limit (ulimit -n)`,
    )
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}
