/** One way of making a private network namespace, and of starting a process in it. */
export interface Way {
  /** As a person would type it. */
  title: string
  /** What starts the process that makes the namespace. */
  make: Through
  /** What starts a process in the namespace of the process `pid`, under our own user. */
  enter(pid: number): Through
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

/** Who keeps it writes its settings and gives nft rules, all of which takes this one right. */
const asKeeper = [...confined, '--bounding-set=-all,+net_admin', '--'] as const

/**
 * As `asKeeper`, for who was made root by sudo: with no other right, user 0 still owns root's files. Another user
 * keeps the right, and hands it on to nft, as an ambient one.
 */
function asKeeperOf(user: number, group: number) {
  return [
    ...(['setpriv', '--no-new-privs', '--bounding-set=-all,+net_admin'] as const),
    ...(['--inh-caps=-all,+net_admin', '--ambient-caps=-all,+net_admin'] as const),
    ...becoming(user, group),
    '--',
  ] as const
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
  const inUserNamespace: Way = {
    title: 'unshare -Urn',
    make: ['unshare', '-U', '-r', '-n', '--', ...asKeeper],
    enter: (pid) => [
      ...(['nsenter', '-t', `${pid}`, '-U', '-n', '--preserve-credentials', '--'] as const),
      ...withoutRights,
    ],
  }
  const asRoot: Way =
    user === 0
      ? {
          title: 'unshare -n',
          make: ['unshare', '-n', '--', ...asKeeper],
          enter: (pid) => ['nsenter', '-t', `${pid}`, '-n', '--', ...withoutRights],
        }
      : {
          title: 'sudo -n unshare -n',
          make: [
            ...(['sudo', '-n', 'unshare', '-n', '--'] as const),
            ...asKeeperOf(user, group),
            ...passEnvironment,
          ],
          enter: (pid) => [
            ...(['sudo', '-n', 'nsenter', '-t', `${pid}`, '-n', '--'] as const),
            ...withoutRights.slice(0, -1),
            ...becoming(user, group),
            '--',
            ...passEnvironment,
          ],
        }
  return [inUserNamespace, asRoot]
}
