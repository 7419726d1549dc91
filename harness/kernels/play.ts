import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdir, open, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {commandLine, type Kit} from './kit.ts'
import {type Measurement, measurements} from './measurements.ts'
import {type Printed, readPrinted} from './results.ts'

export interface PlayOptions {
  kit: Kit
  folder: string
  /** What starts the command, with its arguments. */
  launcher?: readonly string[]
  /** What the commands get in addition. */
  args?: readonly string[]
  env?: NodeJS.ProcessEnv
  signal: AbortSignal
  tell(text: string): void
}

/** Measures without a guest: here, or where a launcher leads. */
export async function play(options: PlayOptions): Promise<Printed[]> {
  const {folder, signal, tell} = options
  await mkdir(folder, {recursive: true})
  const printed: Printed[] = []
  for (const measurement of measurements) {
    tell(measurement.args[0] ?? '')
    await measure(measurement, options)
    signal.throwIfAborted()
    printed.push(await readPrinted(folder, measurement.document))
  }
  return printed
}

async function measure(
  {document, args}: Measurement,
  {kit, folder, launcher = [], args: more = [], env = process.env, signal}: PlayOptions,
): Promise<void> {
  // gVisor passes plain files on.
  const [json, log] = await Promise.all(
    ['json', 'log'].map((ending) => open(join(folder, `${document}.${ending}`), 'w')),
  )
  try {
    const outputs = ['--json', '--out', 'runs']
    // It ends with us, however we end.
    const child = spawn(
      'setpriv',
      ['--pdeathsig', 'TERM', '--', ...launcher, ...commandLine(kit), ...args, ...outputs, ...more],
      {cwd: folder, env, stdio: ['ignore', json?.fd, log?.fd]},
    )
    const end = () => void child.kill('SIGTERM')
    signal.addEventListener('abort', end, {once: true})
    const [status] = await once(child, 'close')
    signal.removeEventListener('abort', end)
    await writeFile(join(folder, `${document}.status`), `${status}`)
  } finally {
    await json?.close()
    await log?.close()
  }
}
