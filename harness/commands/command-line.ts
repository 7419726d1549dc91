import {Command, Option} from 'commander'
import {exportNames, type ReporterName, reporterNames, reporters} from '../feeds/reporters.ts'
import {defaultLimitSeconds} from '../run/limit.ts'
import {printable} from '../text.ts'
import {version} from '../version.ts'
import {
  commandWords,
  countUpTo,
  duration,
  environmentVariable,
  listenAddress,
  nameWithFile,
  portNumber,
  portNumbers,
  portOrPath,
  repeatedly,
  seconds,
  systemLabel,
} from './options.ts'

/**
 * All commands with their options. They are loaded when they are called, so that a small one does not wait
 * for a large one.
 * @returns a program whose parsing throws CommanderError, or what a command throws
 */
export function commandLine(): Command {
  const program = new Command('rebind')
    .description(
      'Reproduces server restarts on real sockets, and measures how long the port is refused.',
    )
    .version(version)
    .showHelpAfterError('(rebind --help shows the commands, rebind COMMAND --help their options)')
    .exitOverride()
    .configureOutput({
      outputError: (text, write) =>
        write(
          `rebind: ${text
            .replace(/^error: /, '')
            .split('\n')
            .map(printable)
            .join('\n')}`,
        ),
    })

  const limit = (description = 'how long to keep trying to bind') =>
    new Option('--limit <seconds>', description).argParser(seconds).default(defaultLimitSeconds)

  const reporter = (names: readonly ReporterName[] = reporterNames) => {
    const listed = names.map((name) => `${name} (${reporters[name].what})`).join(', ')
    return new Option(
      '--reporter <name[=file]>',
      `how to report: ${listed}; repeatable, one without a file prints on stdout`,
    ).argParser(nameWithFile(names))
  }
  const withoutVerdict = reporterNames.filter((name) => !reporters[name].judges)
  const label = () =>
    new Option(
      '--label <name>',
      'what to call this system in documents, if its version is not visible in it',
    ).argParser(systemLabel)
  const quiet = () => new Option('--quiet', 'nothing on stderr but errors and warnings')

  program
    .command('run', {isDefault: false})
    .description('run scenarios (all of them by default), write logs/<run-id>/, print a table')
    .argument('[id...]', 'scenario ids, see: rebind list')
    .addOption(reporter())
    .option('--json', 'print the report, and nothing else, on stdout: --reporter json')
    .option('--tap', 'print TAP 14 on stdout, instead of the table: --reporter tap')
    .option('--junit <file>', 'also write the results as JUnit XML: --reporter junit=FILE')
    .addOption(quiet())
    .option('--quick', 'do not wait for ports to become free: one refused attempt is enough')
    .addOption(limit())
    .option('--repeat <n>', 'run each scenario n times, and report the spread', countUpTo(1000), 1)
    .option('--packets', 'Linux only: capture the packets, a pcap file and a ladder per scenario')
    .option('--allow-host-settings', 'macOS only: temporarily change kernel settings (as root)')
    .addOption(label())
    .option('--out <dir>', 'the folder in which to create the run folder', 'logs')
    .option('--scenario <file>', 'a scenario of your own, .ts or .js; repeatable', repeatedly)
    .addHelpText(
      'after',
      `
Examples:
  rebind run                                  everything; takes about a minute
  rebind run --quick                          which restarts are refused, without waiting
  rebind run server-closes-first --limit 70   one scenario
  rebind run server-closes-first --repeat 20  how much the wait varies
  rebind run server-closes-first --packets    who sent SYN, FIN and RST, and when
  rebind run --scenario ./mine.ts             a scenario of your own
  rebind run --json > report.json             for a script
  rebind run --reporter junit=junit.xml       for a CI that reads JUnit

Exit status: 0 as expected, 1 unexpected, 2 bad usage, 3 could not measure, 130/143 interrupted`,
    )
    .action(async (ids, options) => {
      const {run} = await import('./run.ts')
      process.exitCode = await run(ids, options)
    })

  program
    .command('list')
    .description('show the scenarios, and what the rules of this operating system predict')
    .option('--json', 'print a JSON document')
    .addOption(limit())
    .addHelpText(
      'after',
      `
Examples:
  rebind list
  rebind list --json | jq -r '.scenarios[].scenario'`,
    )
    .action(async (options) => {
      const {list} = await import('./list.ts')
      process.exitCode = await list(options)
    })

  program
    .command('matrix')
    .description("try every bind over every residue: this OS's whole bind table, against its rules")
    .addOption(reporter())
    .option('--json', 'print the table, and nothing else, on stdout: --reporter json')
    .addOption(
      new Option('--format <format>', 'what to print on stdout: --reporter FORMAT').choices([
        'terminal',
        'markdown',
      ]),
    )
    .addOption(quiet())
    .addOption(label())
    .option('--out <dir>', 'the folder in which to create the run folder', 'logs')
    .option('--residue <state>', 'only this residue, e.g. TIME_WAIT; repeatable', repeatedly)
    .option('--address <addr>', 'only this address on both sides; repeatable', repeatedly)
    .option('--predict', 'try nothing: print what the rules say')
    .option('--platform <name>', 'with --predict: linux, darwin or gvisor, on any machine')
    .addHelpText(
      'after',
      `
Examples:
  rebind matrix                                           all of it; takes a few seconds
  rebind matrix --residue TIME_WAIT --address 127.0.0.1   a small part
  rebind matrix --platform darwin --predict               what macOS does, according to its source
  rebind matrix --json > matrix.json                      for a script
  rebind matrix --reporter junit=junit.xml                for a CI that reads JUnit

Exit status: 0 as the rules say, 1 a cell disagrees, 2 bad usage, 3 could not measure, 130/143 interrupted`,
    )
    .action(async (options) => {
      const {matrix} = await import('./matrix.ts')
      process.exitCode = await matrix(options)
    })

  program
    .command('compare')
    .description('compare reports and matrices: what differs between operating systems, and why')
    .argument('[path...]', 'reports, matrices or run folders; by default the recorded ones')
    .option('--baseline <path>', 'judge one run against an earlier one of the same system')
    .addOption(
      new Option(
        '--baseline-last <n>',
        'judge the newest run in the folders by the last n before it, of its system and kernel',
      )
        .argParser(countUpTo(1000))
        .conflicts('baseline'),
    )
    .option('--out <dir>', 'also write it, with a page, to a new folder in this one')
    .addOption(reporter())
    .option('--json', 'print the comparison, and nothing else, on stdout: --reporter json')
    .addOption(
      new Option('--format <format>', 'of what is printed: --reporter FORMAT').choices([
        'text',
        'markdown',
      ]),
    )
    .addHelpText(
      'after',
      `
Examples:
  rebind compare                              the recorded reports and matrices
  rebind compare linux.json macos.json        two reports of rebind run --json
  rebind compare runs/*/ --format markdown    run folders, for the summary of a CI job
  rebind compare --baseline before.json after.json   has this system changed?
  rebind compare --baseline-last 20 runs/     does the newest run differ from the 20 before it?

junit, tap and github report a verdict, so they need --baseline or --baseline-last.

Exit status: 0 compared, 2 bad usage or input; with --baseline or --baseline-last: 0 as before, 1 something differs,
3 something could not be compared`,
    )
    .action(async (paths, options) => {
      const {compare} = await import('./compare.ts')
      process.exitCode = await compare(paths, options)
    })

  program
    .command('timing')
    .description(
      'measure how long the OS keeps a port, over many ports: the distribution of the wait',
    )
    .addOption(
      new Option('--ports <n>', 'how many ports, up to 1000')
        .argParser(countUpTo(1000))
        .default(64),
    )
    .addOption(
      new Option('--spread <seconds>', 'the period over which they are closed')
        .argParser(seconds)
        .default(6),
    )
    .addOption(
      new Option('--residue <state>', 'what is left on each port')
        .choices(['TIME_WAIT', 'FIN_WAIT2'])
        .default('TIME_WAIT'),
    )
    .addOption(limit('how long to try each port'))
    .addOption(reporter())
    .option('--json', 'print the measurements, and nothing else, on stdout: --reporter json')
    .addOption(
      new Option(
        '--export <format[=file]>',
        'csv: a row per port, on stdout or in a file',
      ).argParser(nameWithFile(['csv'])),
    )
    .addOption(quiet())
    .addOption(label())
    .option('--out <dir>', 'the folder in which to create the run folder', 'logs')
    .addHelpText(
      'after',
      `
There is no --quick: this measures the wait itself.

Examples:
  rebind timing                                64 ports; takes one kernel wait and the spread
  rebind timing --ports 1000                   a finer histogram
  rebind timing --residue FIN_WAIT2            what a client that never closes costs
  rebind timing --json > timing.json           for a script
  rebind timing --export csv=waits.csv         for a spreadsheet

Exit status: 0 as expected, 1 a release outside the platform's range, 2 bad usage, 3 could not measure,
130/143 interrupted`,
    )
    .action(async (options) => {
      const {timing} = await import('./timing.ts')
      process.exitCode = await timing(options)
    })

  program
    .command('policies')
    .description('show what supervisors and retry policies make of the wait measured here')
    .argument(
      '[run]',
      'a run folder, report.json or timing.json; by default the newest run in --out',
    )
    .option('--measure', 'measure the release now, which takes over a minute on Linux')
    .addOption(reporter(withoutVerdict))
    .option('--json', 'print a JSON document: --reporter json')
    .addOption(quiet())
    .option('--out <dir>', 'the folder that contains the runs', 'logs')
    .addHelpText(
      'after',
      `
Examples:
  rebind policies                                from the newest run in logs/, or measured if there is none
  rebind policies logs/2026-01-01T00-00-00Z-1a2b from a run of your choice
  rebind policies --measure                      from a release measured now

The table is also written, with a page, to a run folder in --out.`,
    )
    .action(async (run, options) => {
      const {policies} = await import('./policies.ts')
      process.exitCode = await policies(run, options)
    })

  program
    .command('history')
    .description('show many runs over time: what each restart took, and what has changed')
    .argument('<path...>', 'folders that contain run folders, at any depth; or documents')
    .addOption(reporter(withoutVerdict))
    .option('--json', 'print a JSON document: --reporter json')
    .addOption(
      new Option(
        '--export <format[=file]>',
        exportNames.map((name) => `${name}: ${reporters[name].what}`).join('; '),
      ).argParser(nameWithFile(exportNames)),
    )
    .option('--out <dir>', 'the folder in which to create a folder for the page', 'logs')
    .addHelpText(
      'after',
      `
Reads reports, timings, checks and matrices, of any systems. A file that cannot be read is named and passed over.

Examples:
  rebind history logs
  rebind history runs/ more-runs/ --out pages
  rebind history runs/ --json | jq '.moved'
  rebind history runs/ --export csv=history.csv
  rebind history runs/ --export github-action-benchmark=benchmarks.json

It shows, and judges nothing: rebind compare --baseline-last judges the newest run.

Exit status: 0 shown, 2 bad usage, or nothing found`,
    )
    .action(async (paths, options) => {
      const {history} = await import('./history.ts')
      process.exitCode = await history(paths, options)
    })

  program
    .command('report')
    .description('rebuild report.html and the Markdown of a run folder, even if the run was killed')
    .argument('<folder>', 'a run folder, e.g. one in logs/')
    .option('--open', 'open the page')
    .addHelpText(
      'after',
      `
Examples:
  rebind report logs/2026-11-24T00-00-00Z-1a2b          prints the page's path
  rebind report logs/2026-11-24T00-00-00Z-1a2b --open   and opens it

Exit status: 0 made, 2 bad usage or input`,
    )
    .action(async (folder, options) => {
      const {report} = await import('./report.ts')
      process.exitCode = await report(folder, options)
    })

  program
    .command('schema')
    .description('print the JSON Schema of a document, or list the documents')
    .argument('[name]', 'a document, e.g. report')
    .addHelpText(
      'after',
      `
The schemas are also in the package, as rebind/schemas/NAME.json (JSON Schema 2020-12).

Examples:
  rebind schema                         every document, and what it is
  rebind schema report > report.schema.json
  rebind schema events                  a line of events.ndjson`,
    )
    .action(async (name) => {
      const {schema} = await import('./schema.ts')
      process.exitCode = await schema(name)
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
      const {nc} = await import('./nc.ts')
      process.exitCode = await nc(host, port, options)
    })

  program
    .command('why')
    .description(
      'explain why a port can or cannot be bound now: what is using it, until when, what to do',
    )
    .argument(
      '[port]',
      'TCP port, the path of a Unix socket, or - for an error message on stdin; without it: who listens',
      portOrPath,
    )
    .option('--host <address>', 'the address to bind; by default the wildcards and loopback')
    .option('--json', 'print a JSON document')
    .addHelpText(
      'after',
      `
Binds are really tried, with each option, and closed at once; nothing listens and nothing is stopped.
For a Unix socket, connecting once shows whether its server is running.

Examples:
  rebind why 8080
  rebind why 8080 --host 127.0.0.1
  sudo rebind why 8080             also shows other users' processes
  rebind why /run/app.sock         a Unix socket
  npm start 2>&1 | rebind why -    the port, or the path, in an error message
  rebind why                       all listening sockets, with their processes

Exit status: 0 a plain bind is granted on every address tried, 1 it is not, 2 bad usage, 3 could not try;
without a port: 0`,
    )
    .action(async (target, options) => {
      const {why} = await import('./why.ts')
      process.exitCode = await why(target, options)
    })

  program
    .command('watch')
    .description("show a port's sockets, live, with their remaining time")
    .argument('<port>', 'TCP port', portNumber)
    .option('--until-free', 'end when a plain bind is granted')
    .option('--host <address>', 'with --until-free: the address to bind')
    .addOption(new Option('--timeout <seconds>', 'end after this time').argParser(seconds))
    .option('--json', 'print one JSON document per line, one for each change')
    .addHelpText(
      'after',
      `
Shows a table on a terminal, otherwise a line per change. Only --until-free tries to bind the port; the
bind is closed at once.

Examples:
  rebind watch 8080
  rebind watch 8080 --until-free && ./start-my-server
  rebind watch 8080 --until-free --timeout 90

Exit status: 0 free (or the end without --until-free), 1 not free within --timeout or when stdout was
closed, 2 bad usage, 3 could not watch, 130/143 interrupted`,
    )
    .action(async (port, options) => {
      const {watch} = await import('./watch.ts')
      process.exitCode = await watch(port, options)
    })

  program
    .command('explain')
    .description(
      'print the option that makes Node programs explain, at that moment, why they cannot listen',
    )
    .option('--require', 'the form that costs less to start, as CommonJS')
    .addHelpText(
      'after',
      `
When a server cannot listen, the answer of rebind why stands on stderr before the stack trace. No bind is tried, the
program gets the same error, and nothing is printed when all goes well.

Examples:
  node $(rebind explain) server.js
  NODE_OPTIONS=$(rebind explain) npm start       also its children, whatever folder they run in
  node --import rebind/explain server.js         where the package is installed beside the program

Exit status: 0 printed, 2 bad usage`,
    )
    .action(async (options) => {
      const {explain} = await import('./explain.ts')
      process.exitCode = await explain(options)
    })

  program
    .command('free')
    .description(
      'free a port without hurting anybody: end the server that listens, or outlast what it left',
    )
    .argument('<port>', 'TCP port', portNumber)
    .option('--dry-run', 'only say what would be done')
    .option('--yes', 'do it without asking; needed where there is no terminal')
    .option(
      '--connections',
      'also destroy connections of processes that do not listen; both ends lose them (Linux, as root)',
    )
    .option('--timeout <seconds>', 'how long a process may listen before SIGKILL', seconds, 5)
    .option('--host <address>', 'the address to bind; by default the wildcards and loopback')
    .option('--json', 'print a JSON document')
    .addHelpText(
      'after',
      `
It never ends a process that has started it, another user's (unless you are root), an editor, or a container runtime:
it says what to do instead. Old connections without a process are destroyed as root (Linux 6.0 or later); otherwise it
waits until the kernel lets go, which may take a minute.

Examples:
  rebind free 3000 --dry-run
  rebind free 3000
  rebind free 3000 --yes && npm start
  sudo rebind free 8080 --yes      also other users' servers, and old connections at once

Exit status: 0 the port is free, 1 it is not (or would not be free without doing it: --dry-run), 2 bad usage, or --yes is
missing, 3 could not try, 130/143 interrupted`,
    )
    .action(async (port, options) => {
      const {free} = await import('./free.ts')
      process.exitCode = await free(port, options)
    })

  program
    .command('check')
    .description(
      'restart your server, in any language, while clients are connected; or watch it reload under traffic',
    )
    .argument('[command...]', 'the server and its arguments, after --; {port} stands for the port')
    .option(
      '--port <port>',
      'the port that the server listens on; repeatable: all are needed, clients come to the first',
      portNumbers,
    )
    .addOption(
      new Option(
        '--socket <path>',
        'the Unix socket that it listens on, instead of a port',
      ).conflicts(['twice', 'activate', 'attach', 'trigger']),
    )
    .option('--host <address>', 'the address at which clients reach it', '127.0.0.1')
    .option(
      '--connections <n>',
      'how many clients are connected when the server is stopped',
      countUpTo(1000),
      1,
    )
    .option(
      '--send <text>',
      'what each connection sends; escapes: \\r \\n \\t \\0 \\\\ \\xHH \\uHHHH',
    )
    .option('--hold', 'clients do not close when the server closes')
    .addOption(
      new Option('--stop <signal>', 'how the server is stopped; none: it exits by itself')
        .choices(['SIGTERM', 'SIGINT', 'SIGKILL', 'none'])
        .default('SIGTERM'),
    )
    .option('--stop-timeout <seconds>', 'how long it may take to exit before SIGKILL', seconds, 10)
    .option('--start-timeout <seconds>', 'how long its first start may take', seconds, 30)
    .option('--rounds <n>', 'how many restarts', countUpTo(1000), 1)
    .addOption(limit())
    .option(
      '--trigger <command>',
      'the server stays, and this command makes it restart; {pid} stands for its pid; repeatable, run in their order',
      commandWords,
    )
    .option(
      '--attach',
      'a server that runs already, found by its port; it is neither started nor stopped',
    )
    .addOption(
      new Option(
        '--activate',
        'pass a listening socket to the server, as systemd does (LISTEN_FDS), and restart it under traffic',
      ).conflicts(['attach', 'trigger', 'twice']),
    )
    .addOption(
      new Option(
        '--twice',
        'start the command a second time beside the first: does it fail? {host} stands for 127.0.0.1, 0.0.0.0 and ::',
      ).conflicts(['attach', 'trigger']),
    )
    .option(
      '--trigger-timeout <seconds>',
      'how long it may take to change after the trigger',
      seconds,
      10,
    )
    .option('--rate <n>', 'new connections a second while it reloads', countUpTo(1000), 100)
    .option('--idle <n>', 'connections that stand open while it reloads', countUpTo(1000, 0), 0)
    .option(
      '--in-flight <n>',
      'connections on which one request follows another while it reloads',
      countUpTo(1000, 0),
      0,
    )
    .option('--http <path>', 'what each of those asks: GET this path, and wait for the response')
    .option('--max-outage <duration>', 'fail if the outage was longer, e.g. 200ms', duration)
    .option('--max-lost <n>', 'fail if more connections were lost', countUpTo(1_000_000, 0))
    .option('--max-wait <duration>', 'fail if the port, or the new server, took longer', duration)
    .addOption(
      new Option(
        '--env <K=V>',
        'a variable for the server, in addition to PATH, HOME and PORT; repeatable',
      )
        .argParser(environmentVariable)
        .default({}, 'none'),
    )
    .option('--cwd <dir>', 'the folder that the server runs in')
    .addOption(label())
    .option('--out <dir>', 'the folder in which to create the run folder', 'logs')
    .addOption(reporter())
    .option('--json', 'print the result, and nothing else, on stdout: --reporter json')
    .addOption(quiet())
    .addOption(new Option('--verbose', "show the server's output on stderr").conflicts('quiet'))
    .addHelpText(
      'after',
      `
Examples:
  rebind check --port 3000 -- node server.js
  rebind check --port 8000 -- python3 -m http.server {port}
  rebind check --port 8080 --send 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' --rounds 3 -- ./server
  rebind check --port 3000 --http / --trigger 'touch server.js' -- node --watch server.js
  rebind check --port 3000 --twice -- node server.js
  rebind check --port 80 --http / --attach --trigger 'nginx -s reload' --max-lost 0

The server gets PATH, HOME, PORT (not with --socket) and what --env sets. All its processes are ended afterwards.
Exit status: 0 safe (every restart was immediate; with --trigger or --attach: nothing was lost), 1 not, 2 bad usage, 3 could not measure, 130/143 interrupted`,
    )
    .action(async (command, options, self: Command) => {
      const {check} = await import('./check.ts')
      const isGiven = (name: string) => self.getOptionValueSource(name) === 'cli'
      process.exitCode = await check(command, options, isGiven)
    })

  program
    .command('hold')
    .description(
      'keep a listening socket while its server is restarted, so that no connection is refused',
    )
    .argument('<command...>', 'the server and its arguments, after --; {port} stands for the port')
    .requiredOption(
      '--listen <[address:]port>',
      'where to listen; the address is 127.0.0.1 by default',
      listenAddress,
    )
    .option(
      '--watch <dir>',
      'restart on a change of a file below this folder; repeatable',
      repeatedly,
    )
    .option('--stop-timeout <seconds>', 'how long it may take to exit before SIGKILL', seconds, 5)
    .option('--cwd <dir>', 'the folder that the server runs in')
    .addHelpText(
      'after',
      `
Examples:
  rebind hold --listen 3000 --watch src -- node server.js
  rebind hold --listen 3000 -- npm start
  rebind hold --listen 0.0.0.0:8080 -- ./server            takes fd 3, as from systemd (LISTEN_FDS)

Node programs need no change: their listen(3000) gets the held socket. The command is restarted on a change, on SIGHUP,
or when it exits; clients that come meanwhile wait.`,
    )
    .action(async (command, options) => {
      const {hold} = await import('./hold.ts')
      process.exitCode = await hold(command, options)
    })

  program
    .command('wrap')
    .description(
      'run a command of any language, and explain why it is refused a port, as it happens',
    )
    .argument('<command...>', 'the command and its arguments, after --')
    .option(
      '--port <port>',
      'the port, for a message that does not name it; by default PORT, or the only one in the command',
      portNumber,
    )
    .option('--out <dir>', 'the folder in which to keep why-PORT.json', 'logs')
    .addHelpText(
      'after',
      `
Its output, stdin, signals and exit status pass through. When a line of its output says that a port was refused, the
answer of rebind why, for which no bind is tried, is printed after that line, and kept.

Examples:
  rebind wrap -- npm start
  rebind wrap -- python3 -m http.server 8000
  rebind wrap --port 8080 -- java -jar server.jar     Java does not name the port
  rebind wrap --out reports -- docker compose up      in a CI

Exit status: that of the command (if a signal ended it, the same signal), 2 bad usage`,
    )
    .action(async (command, options) => {
      const {wrap} = await import('./wrap.ts')
      process.exitCode = await wrap(command, options)
    })

  program
    .command('survey')
    .description('check how the common servers and runtimes installed here restart')
    .option('--only <names>', 'only these, e.g. node,python3,redis')
    .option(
      '--watchers',
      'instead: what restarts or reloads a server while clients come (node --watch, nginx, gunicorn ...)',
    )
    .option('--with-npm', 'with those that are npm packages, installed into temporary folders')
    .addOption(limit())
    .option('--out <dir>', 'the folder in which to create the run folder', 'logs')
    .addOption(reporter())
    .option('--json', 'print the result, and nothing else, on stdout: --reporter json')
    .addOption(quiet())
    .addHelpText(
      'after',
      `
Examples:
  rebind survey
  rebind survey --only node,python3
  rebind survey --limit 10 --json      without waiting until ports are free

Exit status: 0 measured, 2 bad usage, 3 one or more could not be measured, 130/143 interrupted`,
    )
    .action(async (options) => {
      const {survey} = await import('./survey.ts')
      process.exitCode = await survey(options)
    })

  program
    .command('mcp')
    .description(
      'tools for agents, by the Model Context Protocol on stdin and stdout: they look, and end nothing',
    )
    .argument('[command...]', 'with --check: the server and its arguments, after --')
    .option('--check', 'also a tool that checks this one command, as rebind check does')
    .option(
      '--port <port>',
      'with --check: the port of the server; otherwise the agent gives it',
      portNumber,
    )
    .option('--host <address>', 'with --check: the address at which clients reach it', '127.0.0.1')
    .addHelpText(
      'after',
      `
Tools: why, listeners, watch_until_free. It needs the package @modelcontextprotocol/sdk (npm install --save-dev).

Examples:
  claude mcp add rebind -- npx rebind mcp
  npx -p rebind -p @modelcontextprotocol/sdk rebind mcp
  rebind mcp --check --port 3000 -- node server.js`,
    )
    .action(async (command, options) => {
      const {mcp} = await import('./mcp.ts')
      process.exitCode = await mcp(command, options)
    })

  return program
}
