import {basename} from 'node:path'

/** What is known of a runtime or server program, for one-line fixes. */
export interface Runtime {
  name: string
  /** Matches the name of its program. */
  program: RegExp
  /** How a server of this kind sets the option. */
  setReuseaddr: string
  /** How it exits soon, with connections open. */
  exitSoon?: string
  /** How one restarts without a loss. */
  reload?: string
}

/** What "sets it by itself" means is: EADDRINUSE is then not TIME_WAIT but a live process. */
const already = 'already sets SO_REUSEADDR'

export const runtimes: readonly Runtime[] = [
  {
    name: 'Python',
    program: /^(python|pypy|gunicorn|uvicorn|flask|hypercorn|daphne)/,
    setReuseaddr:
      'Python: sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1) before sock.bind(); with socketserver: allow_reuse_address = True in the server class',
    exitSoon:
      'Python: signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)), and daemon_threads = True in a threading server',
    reload: 'Python: gunicorn reloads its workers on SIGHUP, and its master keeps the socket',
  },
  {
    name: 'Node',
    program: /^(node|nodejs|tsx|ts-node|npm|npx|yarn|pnpm)$/,
    setReuseaddr: `Node ${already} (server.listen); a socket passed as {fd} needs it from whoever creates it`,
    exitSoon:
      "Node: process.on('SIGTERM', () => { server.close(); server.closeAllConnections() }), as server.close() alone waits for every open connection",
    reload:
      'Node: node:cluster, whose primary keeps the listening socket while workers are replaced one by one; for a watcher: rebind hold',
  },
  {
    name: 'Bun',
    program: /^bun$/,
    setReuseaddr: 'Bun: Bun.serve({reusePort: true}) on both the old and the new server',
    exitSoon: "Bun: process.on('SIGTERM', () => server.stop(true))",
  },
  {
    name: 'Deno',
    program: /^deno$/,
    setReuseaddr: `Deno ${already} (Deno.listen, Deno.serve)`,
    exitSoon: "Deno: Deno.addSignalListener('SIGTERM', () => Deno.exit(0))",
  },
  {
    name: 'Go',
    program: /^go$/,
    setReuseaddr: `Go ${already} (net.Listen); with a socket of your own: unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) before Bind`,
    exitSoon: 'Go: call server.Shutdown(ctx) with a deadline, then server.Close()',
  },
  {
    name: 'Java',
    program: /^(java|kotlin|scala)$/,
    setReuseaddr:
      'Java: ServerSocket s = new ServerSocket(); s.setReuseAddress(true); s.bind(new InetSocketAddress(port))',
    exitSoon:
      'Java: close the server in Runtime.getRuntime().addShutdownHook(...), without waiting for its clients',
  },
  {
    name: 'Ruby',
    program: /^(ruby|puma|unicorn|rackup|rails|thin)/,
    setReuseaddr:
      'Ruby: socket.setsockopt(:SOCKET, :REUSEADDR, true) before bind; TCPServer already does',
    exitSoon: "Ruby: trap('TERM') { exit! }, or a shutdown timeout in the server's configuration",
  },
  {
    name: 'PHP',
    program: /^php/,
    setReuseaddr:
      'PHP: socket_set_option($socket, SOL_SOCKET, SO_REUSEADDR, 1) before socket_bind(); stream_socket_server() already does',
    exitSoon: 'PHP: pcntl_async_signals(true); pcntl_signal(SIGTERM, fn() => exit(0))',
  },
  {
    name: 'Perl',
    program: /^(perl|starman|plackup|hypnotoad)/,
    setReuseaddr: 'Perl: ReuseAddr => 1 in IO::Socket::INET->new(...)',
    exitSoon: 'Perl: $SIG{TERM} = sub { exit 0 }',
  },
  {
    name: 'nginx',
    program: /^nginx:?$/,
    setReuseaddr: `nginx ${already}; look for an old master that is still running (nginx -s quit)`,
    exitSoon: 'nginx: set worker_shutdown_timeout, or stop it by SIGTERM rather than SIGQUIT',
    reload: 'nginx: nginx -s reload; old workers close kept connections at the next response',
  },
  {
    name: 'socat',
    program: /^socat\d*$/,
    setReuseaddr: 'socat: add the option reuseaddr: TCP-LISTEN:{port},reuseaddr',
  },
  {
    name: 'redis',
    program: /^(redis|valkey|keydb)-server/,
    setReuseaddr: `redis ${already}; look for an old redis-server that is still saving its data`,
    exitSoon: 'redis: shutdown-timeout and shutdown-on-sigterm in redis.conf',
  },
  {
    name: 'PostgreSQL',
    program: /^(postgres|postmaster)$/,
    setReuseaddr: `PostgreSQL ${already}; look for an old postmaster`,
    exitSoon:
      'PostgreSQL: SIGTERM waits for all clients to leave; SIGINT (pg_ctl stop -m fast) does not',
  },
]

/** For programs whose language does not show: what is compiled looks alike. */
export const generalFixes: readonly string[] = [
  'C: int on = 1; setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); before bind()',
  `Go ${already} (net.Listen)`,
  'Rust: socket2::Socket::set_reuse_address(&socket, true) before bind(); std::net::TcpListener already does',
]

/** The first runtime that one of the command lines belongs to; wrappers are looked through. */
export function recogniseRuntime(commands: readonly string[]): Runtime | undefined {
  for (const command of commands) {
    for (const word of command.split(' ').slice(0, wordsLookedAt)) {
      const name = basename(word)
      const runtime = runtimes.find(({program}) => program.test(name))
      if (runtime !== undefined) return runtime
      // Options, assignments and wrappers stand before the program's name; a program ends the search.
      if (!isPrefix(name)) break
    }
  }
  return undefined
}

const wordsLookedAt = 8

function isPrefix(word: string): boolean {
  const wrapper =
    /^(env|exec|sudo|nice|ionice|nohup|time|timeout|setsid|stdbuf|setpriv|sh|bash|dash|zsh|\d+s?)$/
  return wrapper.test(word) || word.startsWith('-') || word.includes('=')
}

/** How common daemons are kept in the foreground. */
const foreground: readonly [program: RegExp, advice: string][] = [
  [/^nginx/, "nginx -g 'daemon off;'"],
  [/^redis-server/, 'redis-server --daemonize no'],
  [/^memcached/, 'memcached without -d'],
  [/^(httpd|apache2)/, 'httpd -DFOREGROUND'],
  [/^postgres/, 'postgres -D FOLDER instead of pg_ctl start'],
  [/^haproxy/, 'haproxy -db'],
  [/^gunicorn/, 'gunicorn without --daemon'],
  [/^sshd/, 'sshd -D'],
]

export function foregroundAdvice(commands: readonly string[]): string {
  const programs = commands.map((command) => basename(command.split(' ')[0] ?? ''))
  const known = foreground.find(([program]) => programs.some((name) => program.test(name)))
  return known === undefined
    ? 'run it in the foreground, as supervisors and containers expect'
    : `run it in the foreground: ${known[1]}`
}
