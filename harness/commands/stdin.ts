/** More than any error message has; the rest is read, so that whoever writes is not stopped, and dropped. */
const mostBytes = 1024 * 1024

/** All that is written to stdin until its end, up to a limit. */
export async function readStdin(): Promise<string> {
  const {stdin} = process
  if (stdin.isTTY) process.stderr.write('Paste the error message, then press Ctrl-D.\n')
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stdin as AsyncIterable<Buffer>) {
    if (bytes < mostBytes) chunks.push(chunk)
    bytes += chunk.length
  }
  return Buffer.concat(chunks).toString('utf8')
}
