import {type ChildProcess, spawn} from 'node:child_process'
import {once} from 'node:events'
import {createInterface} from 'node:readline'
import {marker, portName} from './init.ts'

/** `tcg` interprets the guest's instructions. */
export type Accelerator = 'kvm' | 'tcg'

export interface Guest {
  kernel: string
  initramfs: string
  accelerator: Accelerator
  /** The guest's results are written to results.tar here. */
  folder: string
  limitSeconds: number
}

export interface Boot {
  /** done: all was measured and written; early: the guest ended before; late: it was ended at the limit. */
  end: 'done' | 'panic' | 'early' | 'late'
  /** The last lines of the console, and what QEMU said. */
  lines: string[]
}

const processors = 2
const megabytes = 4096
const keptLines = 40

/**
 * Boots a kernel and waits until the guest has powered off.
 * @param onStep told what the guest begins
 * @throws the signal's reason if that aborts it; SystemError if QEMU cannot be started
 */
export async function boot(
  guest: Guest,
  signal: AbortSignal,
  onStep: (step: string) => void = () => undefined,
): Promise<Boot> {
  signal.throwIfAborted()
  const [program = '', ...args] = commandOf(guest)
  const child = spawn(program, args, {cwd: guest.folder, stdio: ['ignore', 'pipe', 'pipe']})
  const lines: string[] = []
  let [isDone, isLate, hasPanicked] = [false, false, false]
  const read = (line: string) => {
    lines.push(line)
    if (lines.length > keptLines) lines.shift()
    if (/Kernel panic - not syncing/.test(line)) hasPanicked = true
    const [, step] = new RegExp(`${marker} (.*?)\\s*$`).exec(line) ?? []
    if (step === 'done') isDone = true
    else if (step !== undefined) onStep(step)
  }
  for (const input of [child.stdout, child.stderr]) createInterface({input}).on('line', read)
  const end = () => void child.kill('SIGKILL')
  const timer = setTimeout(() => {
    isLate = true
    end()
  }, guest.limitSeconds * 1000)
  signal.addEventListener('abort', end, {once: true})
  try {
    await ended(child)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
  signal.throwIfAborted()
  if (hasPanicked) return {end: 'panic', lines}
  return {end: isDone ? 'done' : isLate ? 'late' : 'early', lines}
}

/** All that it wrote has arrived, too. */
async function ended(child: ChildProcess): Promise<void> {
  await once(child, 'close')
}

/** QEMU ends with us, however we end. */
function commandOf({kernel, initramfs, accelerator}: Guest): string[] {
  const options: [name: string, ...value: string[]][] = [
    ['-nodefaults'],
    ['-no-user-config'],
    ['-no-reboot'],
    ['-display', 'none'],
    ['-accel', accelerator === 'tcg' ? 'tcg,thread=multi' : accelerator],
    // The most that it can emulate, with a name by which a guest knows that it does.
    ['-cpu', accelerator === 'tcg' ? 'max' : 'host'],
    ['-smp', `${processors}`],
    ['-m', `${megabytes}`],
    ['-kernel', kernel],
    ['-initrd', initramfs],
    ['-append', 'console=ttyS0 quiet panic=-1'],
    ['-serial', 'stdio'],
    ['-device', 'virtio-serial-pci'],
    ['-chardev', 'file,id=results,path=results.tar'],
    ['-device', `virtserialport,chardev=results,name=${portName}`],
  ]
  return ['setpriv', '--pdeathsig', 'KILL', '--', 'qemu-system-x86_64', ...options.flat()]
}
