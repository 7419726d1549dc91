import {closeSync, openSync, readFile} from 'node:fs'
import {promisify} from 'node:util'
import {inNamespace} from '../sockets/network-namespace.ts'

const readToEnd = promisify(readFile)

/**
 * Reads a file of /proc/net or /proc/sys/net. It shows the network namespace of the thread that opens it, whichever
 * thread reads it then: so the main thread opens it, and another one reads it, because a long table takes time.
 * @throws SystemError of `open` or `read`
 */
export async function readProcFile(path: string): Promise<string> {
  const fd = inNamespace(() => openSync(path, 'r'))
  try {
    return await readToEnd(fd, 'latin1')
  } finally {
    closeSync(fd)
  }
}
