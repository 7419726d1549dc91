import {type BoundSocket, newcomer, socketInTheWay} from './bound-socket.ts'
import {bugText} from './known-bugs.ts'
import {linuxSourceAddress} from './linux-source-address.ts'
import type {BindQuestion, BuggyVersions, KnownBug} from './platform.ts'
import type {Rule} from './rule-table.ts'

interface LinuxBug {
  versions: readonly BuggyVersions[]
  does: string
  /** The commit that mended it. */
  commit: string
  /** Whether it makes Linux grant what the old socket should refuse. */
  grants(old: BoundSocket, socket: BoundSocket, state: BindQuestion['residue']): boolean
}

/**
 * All three came in 6.1 with bhash2, a second table of bound sockets, by port and address (28044fc1d495), in which a
 * specific address is looked up, but not a wildcard. What is missing there refuses nothing.
 */
const bugs = {
  'linux/bug-time-wait-overlooked': {
    versions: [{first: '6.1.0', last: '6.1.4', fixedIn: '6.1.5'}],
    does: 'a specific address is granted over TIME_WAIT and over a closed FIN_WAIT2',
    commit: '936a192f974',
    grants: ({connected}, socket, state) =>
      connected && (state === 'TIME_WAIT' || state === 'FIN_WAIT2') && socket.address !== '*',
  },
  'linux/bug-dual-listener-overlooked': {
    versions: [
      {first: '6.1.0', last: '6.1.20', fixedIn: '6.1.21'},
      {first: '6.2.0', last: '6.2.7', fixedIn: '6.2.8'},
    ],
    does: 'a specific IPv4 address is granted beside a dual-stack listener on ::',
    commit: 'd9ba99342855',
    grants: (old, socket) =>
      old.listening && isDualWildcard(old) && socket.family === 'ipv4' && socket.address !== '*',
  },
  'linux/bug-mapped-connection-overlooked': {
    versions: [
      {first: '6.1.0', last: '6.1.53', fixedIn: '6.1.54'},
      {first: '6.2.0', last: '6.5.3', fixedIn: '6.5.4'},
    ],
    does: 'the IPv4 address of an IPv4 connection of a dual-stack socket is granted to an IPv4 socket',
    commit: 'c48ef9c4aed3',
    grants: (old, socket) =>
      old.connected &&
      old.family === 'ipv6' &&
      !old.address.includes(':') &&
      socket.family === 'ipv4' &&
      socket.address === old.address,
  },
} as const satisfies Record<string, LinuxBug>

function isDualWildcard({family, address, ipv6Only}: BoundSocket): boolean {
  return family === 'ipv6' && address === '*' && !ipv6Only
}

/** For the table of rules, which documents take their texts from. */
export const linuxBugTexts = Object.fromEntries(
  Object.entries(bugs).map(([id, bug]): [string, Rule] => [
    id,
    {
      because: bugText(bug, 'Linux'),
      source: `net/ipv4/inet_hashtables.c (bhash2); fixed by commit ${bug.commit}`,
    },
  ]),
) as Record<keyof typeof bugs, Rule>

export const linuxBugs: readonly KnownBug[] = Object.entries(bugs).map(
  ([id, {versions, grants}]) => ({
    id,
    versions,
    outcome: 'granted',
    applies(question) {
      const old = socketInTheWay(question, linuxSourceAddress)
      return old !== undefined && grants(old, newcomer(question.successor), question.residue)
    },
  }),
)
