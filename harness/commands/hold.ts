import {once} from 'node:events'
import {UsageError} from '../errors.ts'
import {hold as holdPort} from '../hold/hold.ts'
import type {Address} from '../sockets/address.ts'
import {printable} from '../text.ts'

export interface HoldCommandOptions {
  listen: {port: number; address: Address}
  watch?: string[]
  stopTimeout: number
  cwd?: string
}

/** `rebind hold --listen P -- COMMAND`: keeps the listening socket, and restarts the command that serves it. */
export async function hold(command: string[], options: HoldCommandOptions): Promise<number> {
  if (process.platform === 'win32') throw new UsageError('hold needs Linux or macOS')
  const held = await holdPort({
    ...options.listen,
    ...{command, watch: options.watch ?? [], stopTimeoutSeconds: options.stopTimeout},
    cwd: options.cwd ?? process.cwd(),
    tell: (line) => process.stderr.write(`rebind hold: ${printable(line)}\n`),
  })
  process.on('SIGHUP', () => held.restart('SIGHUP'))
  const signal = await Promise.race([
    ...(['SIGINT', 'SIGTERM'] as const).map(async (name) => {
      await once(process, name)
      return name
    }),
    held.ended.then(() => undefined),
  ])
  held.end()
  await held.ended
  return signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 0
}
