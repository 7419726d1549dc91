/** What an initramfs holds at a path. */
export type Entry = {path: string; mode?: number} & ({bytes: Buffer | string} | {link: string})

const kinds = {folder: 0o040755, file: 0o100000, link: 0o120777} as const
const last = 'TRAILER!!!'

/**
 * The archive that Linux unpacks as its first file system: `newc` (Documentation/driver-api/early-userspace/
 * buffer-format.rst). Everything in it is root's, whoever makes it; folders need no entries.
 */
export function* cpioOf(entries: readonly Entry[]): Generator<Buffer> {
  let inode = 1
  for (const path of foldersOf(entries)) yield* record(inode++, path, kinds.folder, Buffer.alloc(0))
  for (const {path, mode = 0o644, ...what} of entries) {
    const isLink = 'link' in what
    const bytes = Buffer.from(isLink ? what.link : what.bytes)
    yield* record(inode++, path, isLink ? kinds.link : kinds.file | mode, bytes)
  }
  yield* record(0, last, 0, Buffer.alloc(0))
}

/** Parents before what is in them. */
function foldersOf(entries: readonly Entry[]): string[] {
  const folders = new Set<string>()
  for (const {path} of entries) {
    const names = path.split('/').slice(0, -1)
    for (const count of names.keys()) folders.add(names.slice(0, count + 1).join('/'))
  }
  return [...folders]
}

function* record(inode: number, path: string, mode: number, bytes: Buffer): Generator<Buffer> {
  const name = Buffer.from(`${path}\0`)
  const fields = [inode, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, name.length, 0]
  const header = Buffer.from(`070701${fields.map(hex).join('')}`)
  yield padded(Buffer.concat([header, name]))
  yield padded(bytes)
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0')
}

function padded(bytes: Buffer): Buffer {
  const rest = bytes.length % 4
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(4 - rest)])
}
