/** `npm run kernels`: for who works on the rules; no command of the package. */

import {existsSync} from 'node:fs'
import {resolve} from 'node:path'
import {Command, CommanderError} from 'commander'
import {listenForInterruption} from '../commands/interruption.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {printable} from '../text.ts'
import {measureSystems} from './kernels.ts'
import {CannotBoot} from './programs.ts'
import {cacheFolder} from './scratch.ts'
import {type System, systems} from './systems.ts'

interface Chosen {
  only?: string | undefined
  kernel?: string | undefined
  modules?: string | undefined
}

interface Options extends Chosen {
  out: string
}

const program = new Command('kernels')
  .description(
    'Boots real kernels in QEMU, and runs gVisor, with this checkout: run, matrix and timing in each.',
  )
  .option('--only <systems>', 'some of them, e.g. 6.1,gvisor-20240729')
  .option('--kernel <file>', 'a kernel of your own (vmlinuz, x86-64) instead')
  .option('--modules <dir>', 'with --kernel: its modules, e.g. /lib/modules/6.8.0')
  .option('--out <dir>', 'the folder that gets a folder per system', 'logs/kernels')
  .addHelpText(
    'after',
    `
Systems:
${systems.map(({name, title}) => `  ${name.padEnd(16)} ${title}`).join('\n')}

A kernel takes about five minutes where KVM does not work. Packages come from Debian's archive and the npm registry,
are verified, and are kept in ~/.cache/rebind/kernels (XDG_CACHE_HOME).

Examples:
  npm run kernels -- --only 6.1
  npm run kernels -- --out logs/recorded
  npm run kernels -- --kernel ./vmlinuz --modules ./lib/modules/6.8.0

Exit status: 0 all as expected, 1 something unexpected, 2 bad usage, 3 something could not be measured, e.g. because
a tool is missing; 130/143 interrupted`,
  )
  .showHelpAfterError('(--help shows the options)')
  .exitOverride()

try {
  await program.parseAsync()
  process.exitCode = await run(program.opts<Options>())
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitStatus.asExpected : exitStatus.usage
  } else {
    process.stderr.write(`kernels: ${printable((error as Error).message)}\n`)
    process.exitCode = error instanceof UsageError ? exitStatus.usage : exitStatus.failed
  }
}

async function run({out, ...chosen}: Options): Promise<number> {
  const systems = chosenSystems(chosen)
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new CannotBoot('the guests are made from this machine, which has to be Linux on x64')
  }
  const interruption = listenForInterruption()
  const {signal} = interruption
  try {
    const status = await measureSystems({
      ...{systems, signal, out: resolve(out), cache: cacheFolder()},
      command: process.argv.slice(2),
      tell: (text) => process.stderr.write(`${text}\n`),
    })
    return interruption.exitStatus() ?? status
  } catch (error) {
    const interrupted = interruption.exitStatus()
    if (interrupted === undefined) throw error
    return interrupted
  } finally {
    interruption.dispose()
  }
}

/** @throws UsageError for a word that is not a system, or half a kernel */
function chosenSystems({only, kernel, modules}: Chosen): readonly System[] {
  if (kernel !== undefined || modules !== undefined) return [ownSystem({only, kernel, modules})]
  if (only === undefined) return systems.filter(({kind}) => kind !== 'here')
  const words = only.split(',').map((word) => word.trim())
  const unknown = words.find((word) => !systems.some(({name}) => name === word))
  if (unknown !== undefined) {
    const known = systems.map(({name}) => name).join(', ')
    throw new UsageError(`unknown system "${unknown}"; it is one of ${known}`)
  }
  return systems.filter(({name}) => words.includes(name))
}

function ownSystem({only, kernel, modules}: Chosen): System {
  if (only !== undefined) throw new UsageError('--only names known systems; omit it with --kernel')
  if (kernel === undefined || modules === undefined) {
    throw new UsageError('--kernel and --modules belong together; name both')
  }
  const missing = [kernel, modules].find((path) => !existsSync(path))
  if (missing !== undefined) throw new UsageError(`${missing} does not exist`)
  return {
    ...{name: 'own', kind: 'own', title: kernel},
    ...{image: resolve(kernel), modules: resolve(modules)},
  }
}
