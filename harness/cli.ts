import {Command, CommanderError, Option} from 'commander'
import {portNumber, repetitions, seconds} from './commands/options.ts'
import {exitStatus, UsageError} from './errors.ts'
import {version} from './version.ts'

const defaultLimitSeconds = 150

/** Commands are loaded when they are called, so that a small one does not wait for a large one. */
const program = new Command('rebind')
  .description(
    'Reproduces server restarts on real sockets, and measures how long the port is refused.',
  )
  .version(version)
  .showHelpAfterError('(rebind --help shows the commands, rebind COMMAND --help their options)')
  .exitOverride()
  .configureOutput({outputError: (text, write) => write(`rebind: ${text.replace(/^error: /, '')}`)})

const limit = () =>
  new Option('--limit <seconds>', 'how long a successor tries')
    .argParser(seconds)
    .default(defaultLimitSeconds)

program
  .command('run', {isDefault: false})
  .description('play scenarios (all of them by default), write logs/<run-id>/, print a table')
  .argument('[id...]', 'scenario ids, see: rebind list')
  .option('--json', 'print the report, and nothing else, on stdout')
  .option('--quick', 'do not wait for releases: one refused attempt is enough')
  .addOption(limit())
  .option('--repeat <n>', 'play each scenario n times, and report the spread', repetitions, 1)
  .option('--allow-host-settings', 'macOS only: change kernel settings for the time, as root')
  .option('--out <dir>', 'the folder in which the run folder is made', 'logs')
  .addHelpText(
    'after',
    `
Examples:
  rebind run                                  everything; lasts one kernel wait, about a minute
  rebind run --quick                          which restarts are refused, without waiting
  rebind run server-closes-first --limit 70   one scenario
  rebind run server-closes-first --repeat 20  how far the wait spreads
  rebind run --json > report.json             for a script

Exit status: 0 as expected, 1 unexpected, 2 bad usage, 3 could not measure, 130/143 interrupted`,
  )
  .action(async (ids, options) => {
    const {run} = await import('./commands/run.ts')
    process.exitCode = await run(ids, options)
  })

program
  .command('list')
  .description('show the scenarios, and what the rules of this operating system predict')
  .option('--json', 'print a JSON document')
  .addOption(limit())
  .action(async (options) => {
    const {list} = await import('./commands/list.ts')
    process.exitCode = await list(options)
  })

program
  .command('nc')
  .description('a client like nc: stdin to the socket, the socket to stdout')
  .argument('<host>')
  .argument('<port>', 'TCP port', portNumber)
  .option('--hold', 'do not close when the server closes')
  .addHelpText(
    'after',
    '\nExample:\n  printf "GET / HTTP/1.0\\r\\n\\r\\n" | rebind nc 127.0.0.1 8080',
  )
  .action(async (host, port, options) => {
    const {nc} = await import('./commands/nc.ts')
    process.exitCode = await nc(host, port, options)
  })

// A reader that has seen enough (`| head -1`) is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitStatus.asExpected : exitStatus.usage
  } else if (error instanceof UsageError) {
    process.stderr.write(`rebind: ${error.message}\n`)
    process.exitCode = exitStatus.usage
  } else {
    const {code, message} = error as NodeJS.ErrnoException
    const remedy = code === 'EMFILE' ? '; raise the limit (ulimit -n)' : ''
    process.stderr.write(`rebind: ${message}${remedy}\n`)
    process.exitCode = exitStatus.failed
  }
}
