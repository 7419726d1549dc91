import {watch} from 'node:fs'
import {sep} from 'node:path'

/** What a server is not restarted for: what packages, tools and the server itself write. */
const ignored = /^(node_modules|dist|build|coverage|logs|__pycache__)$|^\.|~$|\.(log|swp|tmp)$/
/** Editors write a file in several steps, and builds many files. */
const settledMilliseconds = 100

/**
 * Tells of changes below folders, once those have settled.
 * @returns ends it
 * @throws SystemError for a folder that cannot be watched
 */
export function watchForChanges(
  folders: readonly string[],
  onChange: (file: string) => void,
): () => void {
  let timer: NodeJS.Timeout | undefined
  const watchers = folders.map((folder) =>
    watch(folder, {recursive: true}, (_, file) => {
      if (file === null || file.split(sep).some((part) => ignored.test(part))) return
      clearTimeout(timer)
      timer = setTimeout(() => onChange(file), settledMilliseconds)
    }),
  )
  return () => {
    clearTimeout(timer)
    for (const each of watchers) each.close()
  }
}
