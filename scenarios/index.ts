import {
  expandArms,
  type Scenario,
  type ScenarioGroup,
  type ScenarioWithArms,
} from '../harness/scenario.ts'
import besideLiveWildcard from './beside-live-wildcard.ts'
import clientAborts from './client-aborts.ts'
import clientClosesFirst from './client-closes-first.ts'
import clientNeverCloses from './client-never-closes.ts'
import clientNeverClosesReuseaddr from './client-never-closes-reuseaddr.ts'
import clientReconnectsSamePort from './client-reconnects-same-port.ts'
import clientTakesAnotherPort from './client-takes-another-port.ts'
import clusterPrimaryKilled from './cluster-primary-killed.ts'
import clusterRollingRestart from './cluster-rolling-restart.ts'
import connectionOutlivesServer from './connection-outlives-server.ts'
import connectionOutlivesServerReuseaddr from './connection-outlives-server-reuseaddr.ts'
import dualStackOverIpv4 from './dual-stack-over-ipv4.ts'
import finTimeoutEndsFinWait2 from './fin-timeout-ends-fin-wait2.ts'
import finTimeoutSparesTimeWait from './fin-timeout-spares-time-wait.ts'
import gracefulCloseFreesPort from './graceful-close-frees-port.ts'
import inheritedListener from './inherited-listener.ts'
import ipv6TimeWait from './ipv6-time-wait.ts'
import localhostTwoServers from './localhost-two-servers.ts'
import lostLastAck from './lost-last-ack.ts'
import lostLastAckWithoutTimeWait from './lost-last-ack-without-time-wait.ts'
import migrateReqSavesQueue from './migrate-req-saves-queue.ts'
import mslSetsTimeWait from './msl-sets-time-wait.ts'
import noTwBuckets from './no-tw-buckets.ts'
import nodeReusePort from './node-reuse-port.ts'
import oldServerStillListening from './old-server-still-listening.ts'
import otherUser from './other-user.ts'
import outgoingConnectionHoldsPort from './outgoing-connection-holds-port.ts'
import overlappingHandover from './overlapping-handover.ts'
import policyExponentialJitter from './policy-exponential-jitter.ts'
import policyFixed1s from './policy-fixed-1s.ts'
import policyPRetryDefaults from './policy-p-retry-defaults.ts'
import portInsideEphemeralRange from './port-inside-ephemeral-range.ts'
import queuedConnections from './queued-connections.ts'
import reuseaddrAddedLate from './reuseaddr-added-late.ts'
import reuseaddrDropped from './reuseaddr-dropped.ts'
import reuseportAddedLate from './reuseport-added-late.ts'
import reuseportOnly from './reuseport-only.ts'
import reuseportShared from './reuseport-shared.ts'
import rfc1337ProtectsTimeWait from './rfc1337-protects-time-wait.ts'
import selfConnection from './self-connection.ts'
import serverAborts from './server-aborts.ts'
import serverClosesFirst from './server-closes-first.ts'
import serverClosesFirstNode from './server-closes-first-node.ts'
import serverClosesFirstReuseaddr from './server-closes-first-reuseaddr.ts'
import serverClosesUnread from './server-closes-unread.ts'
import serverKilled from './server-killed.ts'
import simultaneousClose from './simultaneous-close.ts'
import socketDestroyEndsTimeWait from './socket-destroy-ends-time-wait.ts'
import specificOverWildcardTimeWait from './specific-over-wildcard-time-wait.ts'
import twReuseSparesTheServer from './tw-reuse-spares-the-server.ts'
import wildcardOverTimeWait from './wildcard-over-time-wait.ts'

/**
 * The scenarios, grouped by what they teach, in the order of the story. A scenario's id is its file's
 * name; its arms have the arm's name behind a slash.
 */
export const groups: readonly ScenarioGroup[] = [
  {
    id: 'who-closes-first',
    title: 'Who closes first',
    lesson: 'What is left on the port is decided by who closes first, and how.',
    scenarios: {
      'server-closes-first': serverClosesFirst,
      'client-closes-first': clientClosesFirst,
      'client-never-closes': clientNeverCloses,
      'server-aborts': serverAborts,
      'client-aborts': clientAborts,
      'server-closes-unread': serverClosesUnread,
      'server-killed': serverKilled,
      'cluster-primary-killed': clusterPrimaryKilled,
      'graceful-close-frees-port': gracefulCloseFreesPort,
      'connection-outlives-server': connectionOutlivesServer,
      'client-reconnects-same-port': clientReconnectsSamePort,
      'client-takes-another-port': clientTakesAnotherPort,
      'socket-destroy-ends-time-wait': socketDestroyEndsTimeWait,
    },
  },
  {
    id: 'options',
    title: 'The options',
    lesson:
      'An option helps only if the operating system lets it: Linux asks the old socket too, and SO_REUSEADDR never helps against a server that is still listening.',
    scenarios: {
      'server-closes-first-reuseaddr': serverClosesFirstReuseaddr,
      'server-closes-first-node': serverClosesFirstNode,
      'reuseaddr-added-late': reuseaddrAddedLate,
      'reuseaddr-dropped': reuseaddrDropped,
      'reuseport-only': reuseportOnly,
      'reuseport-added-late': reuseportAddedLate,
      'client-never-closes-reuseaddr': clientNeverClosesReuseaddr,
      'connection-outlives-server-reuseaddr': connectionOutlivesServerReuseaddr,
      'old-server-still-listening': oldServerStillListening,
      'other-user': otherUser,
      'outgoing-connection-holds-port': outgoingConnectionHoldsPort,
    },
  },
  {
    id: 'addresses',
    title: 'Addresses',
    lesson:
      'Sockets are in the way only where addresses overlap; a wildcard overlaps every address of its family, and dual-stack :: overlaps IPv4 too.',
    scenarios: {
      'wildcard-over-time-wait': wildcardOverTimeWait,
      'specific-over-wildcard-time-wait': specificOverWildcardTimeWait,
      'ipv6-time-wait': ipv6TimeWait,
      'dual-stack-over-ipv4': dualStackOverIpv4,
      'beside-live-wildcard': besideLiveWildcard,
      'localhost-two-servers': localhostTwoServers,
    },
  },
  {
    id: 'kernel-settings',
    title: 'Kernel settings',
    lesson:
      'Few settings change how long the port is kept, and the one that most advice names, tcp_fin_timeout, is not among those that shorten TIME_WAIT.',
    scenarios: {
      'fin-timeout-spares-time-wait': finTimeoutSparesTimeWait,
      'fin-timeout-ends-fin-wait2': finTimeoutEndsFinWait2,
      'no-tw-buckets': noTwBuckets,
      'tw-reuse-spares-the-server': twReuseSparesTheServer,
      'rfc1337-protects-time-wait': rfc1337ProtectsTimeWait,
      'port-inside-ephemeral-range': portInsideEphemeralRange,
      'self-connection': selfConnection,
      'msl-sets-time-wait': mslSetsTimeWait,
    },
  },
  {
    id: 'lost-packets',
    title: 'Lost packets',
    lesson:
      'TIME_WAIT is there to answer a FIN that is sent again; without it, the other end gets a reset.',
    scenarios: {
      'lost-last-ack': lostLastAck,
      'lost-last-ack-without-time-wait': lostLastAckWithoutTimeWait,
      'simultaneous-close': simultaneousClose,
    },
  },
  {
    id: 'handover',
    title: 'Handover',
    lesson:
      'A port that is never given up need not be waited for, but unless net.ipv4.tcp_migrate_req is 1 (Linux 5.14 or later), only an inherited listening socket loses no connection.',
    scenarios: {
      'reuseport-shared': reuseportShared,
      'node-reuse-port': nodeReusePort,
      'overlapping-handover': overlappingHandover,
      'migrate-req-saves-queue': migrateReqSavesQueue,
      'inherited-listener': inheritedListener,
      'queued-connections': queuedConnections,
      'cluster-rolling-restart': clusterRollingRestart,
    },
  },
  {
    id: 'supervisors',
    title: 'Supervisors',
    lesson:
      'Whoever retries gets the port at the next attempt after it is free: a long pause between attempts makes the outage longer.',
    scenarios: {
      'policy-p-retry-defaults': policyPRetryDefaults,
      'policy-fixed-1s': policyFixed1s,
      'policy-exponential-jitter': policyExponentialJitter,
    },
  },
]

/** On which operating system alone a setting exists that the scenario is about. */
const onlyOn: Readonly<Record<string, NodeJS.Platform>> = {'msl-sets-time-wait': 'darwin'}

/** Every scenario that this operating system can have, by its id; that of an arm is `scenario/arm`. */
export const scenarios = expandArms(
  Object.fromEntries(
    groups
      .flatMap((group): [string, Scenario | ScenarioWithArms][] => Object.entries(group.scenarios))
      .filter(([id]) => (onlyOn[id] ?? process.platform) === process.platform),
  ),
)
