import {type Dirent, type FSWatcher, lstatSync, readdirSync, statSync, watch} from 'node:fs'
import {join, relative, sep} from 'node:path'

/** What a server is not restarted for: what packages, tools and the server itself write. */
const ignored = /^(node_modules|dist|build|coverage|logs|__pycache__)$|^\.|~$|\.(log|swp|tmp)$/
/** Editors write a file in several steps, and builds many files. */
const settledMilliseconds = 100

export interface ChangeListeners {
  /** A file below a folder has changed; its path from there. */
  onChange(file: string): void
  /** This cannot be watched; all else goes on. */
  onProblem(path: string, error: NodeJS.ErrnoException): void
}

/**
 * Tells of changes below folders, once those have settled.
 * @returns ends it
 * @throws SystemError for a folder that cannot be watched
 */
export function watchForChanges(
  folders: readonly string[],
  {onChange, onProblem}: ChangeListeners,
): () => void {
  let timer: NodeJS.Timeout | undefined
  const note = (file: string | null) => {
    if (file === null || file.split(sep).some((part) => ignored.test(part))) return
    clearTimeout(timer)
    timer = setTimeout(() => onChange(file), settledMilliseconds)
  }
  const watched: {close(): void}[] = []
  const close = () => {
    clearTimeout(timer)
    for (const each of watched) each.close()
  }
  try {
    for (const folder of folders) watched.push(watchAll(folder, note, onProblem))
  } catch (error) {
    close()
    throw error
  }
  return close
}

type Note = (file: string | null) => void

function watchAll(folder: string, note: Note, onProblem: ChangeListeners['onProblem']) {
  if (process.platform === 'linux' && statSync(folder).isDirectory()) {
    return watchTree(folder, note, onProblem)
  }
  const watcher = watch(folder, {recursive: true}, (_, file) => note(file))
  return watcher.on('error', (error) => onProblem(folder, error))
}

/**
 * A folder tells of all files in it, but not of those below. Node's own way (lib/internal/fs/recursive_watch.js) watches
 * every single file, those of packages, too, and passes over the rest of a folder in which something may not be read.
 */
function watchTree(root: string, note: Note, onProblem: ChangeListeners['onProblem']) {
  const watchers = new Map<string, FSWatcher>()

  function add(path: string, onEvent: (event: string, name: string | null) => void): void {
    const watcher = watch(path, onEvent)
    watchers.set(path, watcher)
    watcher.on('error', (error) => onProblem(path, error))
  }
  function addFolder(folder: string): void {
    add(folder, (event, name) => notice(folder, event, name))
    for (const entry of readdirSync(folder, {withFileTypes: true})) look(folder, entry.name, entry)
  }
  function notice(folder: string, event: string, name: string | null): void {
    if (name === null) return
    const path = join(folder, name)
    note(relative(root, path))
    // It is gone, or another one has its name.
    if (event === 'rename') forget(path)
    if (!watchers.has(path)) look(folder, name)
  }
  function look(folder: string, name: string, entry?: Dirent): void {
    if (ignored.test(name)) return
    const path = join(folder, name)
    try {
      const kind = entry ?? lstatSync(path)
      if (kind.isDirectory()) addFolder(path)
      else if (kind.isSymbolicLink()) add(path, () => note(relative(root, path)))
    } catch (error) {
      // It is gone already, or leads nowhere.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      onProblem(path, error as NodeJS.ErrnoException)
    }
  }
  function forget(path: string): void {
    for (const [each, watcher] of watchers) {
      if (each !== path && !each.startsWith(path + sep)) continue
      watcher.close()
      watchers.delete(each)
    }
  }

  addFolder(root)
  return {
    close() {
      for (const watcher of watchers.values()) watcher.close()
    },
  }
}
