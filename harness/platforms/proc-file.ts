import {closeSync, openSync, readFile} from 'node:fs'
import {promisify} from 'node:util'
import {inNamespace} from '../sockets/network-namespace.ts'

const readToEnd = promisify(readFile)

/**
 * Reads a file of /proc/net or /proc/sys/net, which is that of the network namespace of whoever opens it; who reads on
 * does not matter. So it is opened by the main thread, and read by another, as a long table takes its time.
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
