import {closeSync, openSync, read} from 'node:fs'
import {promisify} from 'node:util'
import {inNamespace} from '../sockets/network-namespace.ts'

const readSome = promisify(read)
const chunkBytes = 64 * 1024

/**
 * Reads a file of /proc/net or /proc/sys/net. It shows the network namespace of the thread that opens it, whichever
 * thread reads it then: so the main thread opens it, and another one reads it, because a long table takes time.
 * @throws SystemError of `open` or `read`
 */
export async function readProcFile(path: string): Promise<string> {
  const fd = inNamespace(() => openSync(path, 'r'))
  try {
    // Not readFile(), which takes a read that fails for the end of the file if it is given a descriptor (Node 20).
    const chunks: Buffer[] = []
    for (;;) {
      const {bytesRead, buffer} = await readSome(fd, Buffer.alloc(chunkBytes), 0, chunkBytes, null)
      if (bytesRead === 0) return Buffer.concat(chunks).toString('latin1')
      chunks.push(buffer.subarray(0, bytesRead))
    }
  } finally {
    closeSync(fd)
  }
}
