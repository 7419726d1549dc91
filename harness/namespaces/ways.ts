/** One way of making private network namespaces, and of starting processes in them. */
export interface Way {
  /** As a person would type it. */
  title: string
  /** Starts the process that creates namespaces, and hosts the actors inside them. */
  host: Through
  /** Starts the process that sets up the namespaces of the host with this pid. */
  keep(host: number): Through
  /** Starts the process that captures packets in the namespaces of this host. */
  capture(host: number): Through
  /** Starts a process without rights, as our own user, in the namespace of the host's file descriptor `fd`. */
  enter(host: number, fd: number): Through
  /** Starts a program in its own namespace, which it may set up. */
  make: Through
}

export type Through = readonly [command: string, ...args: string[]]

/** sudo hands on neither the environment nor more than three file descriptors: the channel is one of them. */
export const passEnvironment = [
  'env',
  'NODE_CHANNEL_FD=0',
  'NODE_CHANNEL_SERIALIZATION_MODE=json',
] as const

/** setpriv(1) becomes the program that it is given, as nsenter does, so that the pid stays the same. */
const confined = ['setpriv', '--no-new-privs', '--inh-caps=-all'] as const

/**
 * Who enters a namespace is its root, or the machine's: servers and clients need no right of either. With an
 * empty bounding set not even root gets a capability by exec (capabilities(7)).
 */
const withoutRights = [...confined, '--bounding-set=-all', '--'] as const

/** The right to write settings and nft rules. */
const toSetUp = ['net_admin'] as const
/** The right to create namespaces, and sockets in them (unshare(2), setns(2)). */
const toHost = ['sys_admin'] as const
const toKeep = [...toSetUp, ...toHost] as const
/** Packets are seen with this right (packet(7)); to do so in another's namespace takes the other one. */
const toCapture = ['net_raw', ...toHost] as const

function onlyWith(rights: readonly string[]) {
  return [...confined, `--bounding-set=${setOf(rights)}`, '--'] as const
}

/**
 * As `onlyWith`, for who was made root by sudo: with no other right, user 0 still owns root's files. Another user
 * keeps the rights, and hands them on to nft, as ambient ones.
 */
function onlyWithAsUser(rights: readonly string[], user: number, group: number) {
  const set = setOf(rights)
  return [
    ...(['setpriv', '--no-new-privs', `--bounding-set=${set}`] as const),
    ...([`--inh-caps=${set}`, `--ambient-caps=${set}`] as const),
    ...becoming(user, group),
    '--',
  ] as const
}

function setOf(rights: readonly string[]): string {
  return ['-all', ...rights.map((right) => `+${right}`)].join(',')
}

function becoming(user: number, group: number) {
  return ['--reuid', `${user}`, '--regid', `${group}`, '--clear-groups'] as const
}

/**
 * The ways in the order in which they are tried: in a user namespace of its own, which needs no right at all
 * but which some systems forbid; else as root.
 * @param user who runs the harness; and its group
 */
export function namespaceWays(
  user = process.getuid?.() ?? 0,
  group = process.getgid?.() ?? 0,
): Way[] {
  const beside = (host: number, rights: readonly string[]): Through => [
    ...(['nsenter', '-t', `${host}`, '-U', '--preserve-credentials', '--'] as const),
    ...(['unshare', '-n', '--'] as const),
    ...onlyWith(rights),
  ]
  const inUserNamespace: Way = {
    title: 'unshare -Urn',
    host: ['unshare', '-U', '-r', '-n', '--', ...onlyWith(toHost)],
    keep: (host) => beside(host, toKeep),
    capture: (host) => beside(host, toCapture),
    enter: (host, fd) => [
      ...(['nsenter', '-t', `${host}`, '-U', `--net=${pathOf(host, fd)}`] as const),
      ...(['--preserve-credentials', '--'] as const),
      ...withoutRights,
    ],
    make: ['unshare', '-U', '-r', '-n', '--', ...onlyWith(toSetUp)],
  }
  return [inUserNamespace, user === 0 ? asRoot : throughSudo(user, group)]
}

const asRoot: Way = {
  title: 'unshare -n',
  host: ['unshare', '-n', '--', ...onlyWith(toHost)],
  keep: () => ['unshare', '-n', '--', ...onlyWith(toKeep)],
  capture: () => ['unshare', '-n', '--', ...onlyWith(toCapture)],
  enter: (host, fd) => ['nsenter', `--net=${pathOf(host, fd)}`, '--', ...withoutRights],
  make: ['unshare', '-n', '--', ...onlyWith(toSetUp)],
}

function throughSudo(user: number, group: number): Way {
  const unshared = (rights: readonly string[]): Through => [
    ...(['sudo', '-n', 'unshare', '-n', '--'] as const),
    ...onlyWithAsUser(rights, user, group),
    ...passEnvironment,
  ]
  return {
    title: 'sudo -n unshare -n',
    host: unshared(toHost),
    keep: () => unshared(toKeep),
    capture: () => unshared(toCapture),
    enter: (host, fd) => [
      ...(['sudo', '-n', 'nsenter', `--net=${pathOf(host, fd)}`, '--'] as const),
      ...withoutRights.slice(0, -1),
      ...becoming(user, group),
      '--',
      ...passEnvironment,
    ],
    make: unshared(toSetUp),
  }
}

function pathOf(host: number, fd: number): string {
  return `/proc/${host}/fd/${fd}`
}
