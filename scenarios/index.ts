import {expandArms} from '../harness/scenario.ts'
import besideLiveWildcard from './beside-live-wildcard.ts'
import clientAborts from './client-aborts.ts'
import clientClosesFirst from './client-closes-first.ts'
import clientNeverCloses from './client-never-closes.ts'
import clientNeverClosesReuseaddr from './client-never-closes-reuseaddr.ts'
import clientReconnectsSamePort from './client-reconnects-same-port.ts'
import clientTakesAnotherPort from './client-takes-another-port.ts'
import connectionOutlivesServer from './connection-outlives-server.ts'
import connectionOutlivesServerReuseaddr from './connection-outlives-server-reuseaddr.ts'
import dualStackOverIpv4 from './dual-stack-over-ipv4.ts'
import finTimeoutEndsFinWait2 from './fin-timeout-ends-fin-wait2.ts'
import finTimeoutSparesTimeWait from './fin-timeout-spares-time-wait.ts'
import inheritedListener from './inherited-listener.ts'
import ipv6TimeWait from './ipv6-time-wait.ts'
import lostLastAck from './lost-last-ack.ts'
import lostLastAckWithoutTimeWait from './lost-last-ack-without-time-wait.ts'
import mslSetsTimeWait from './msl-sets-time-wait.ts'
import noTwBuckets from './no-tw-buckets.ts'
import oldServerStillListening from './old-server-still-listening.ts'
import outgoingConnectionHoldsPort from './outgoing-connection-holds-port.ts'
import overlappingHandover from './overlapping-handover.ts'
import policyExponentialJitter from './policy-exponential-jitter.ts'
import policyFixed1s from './policy-fixed-1s.ts'
import policyPRetryDefaults from './policy-p-retry-defaults.ts'
import portInsideEphemeralRange from './port-inside-ephemeral-range.ts'
import reuseaddrAddedLate from './reuseaddr-added-late.ts'
import reuseaddrDropped from './reuseaddr-dropped.ts'
import reuseportAddedLate from './reuseport-added-late.ts'
import reuseportOnly from './reuseport-only.ts'
import reuseportShared from './reuseport-shared.ts'
import rfc1337ProtectsTimeWait from './rfc1337-protects-time-wait.ts'
import serverAborts from './server-aborts.ts'
import serverClosesFirst from './server-closes-first.ts'
import serverClosesFirstNode from './server-closes-first-node.ts'
import serverClosesFirstReuseaddr from './server-closes-first-reuseaddr.ts'
import serverClosesUnread from './server-closes-unread.ts'
import serverKilled from './server-killed.ts'
import simultaneousClose from './simultaneous-close.ts'
import specificOverWildcardTimeWait from './specific-over-wildcard-time-wait.ts'
import wildcardOverTimeWait from './wildcard-over-time-wait.ts'

/**
 * Every scenario by its id, in the order in which they make sense. The id is the file's name; that of an
 * arm has the arm's name behind a slash.
 */
export const scenarios = expandArms({
  'server-closes-first': serverClosesFirst,
  'server-closes-first-reuseaddr': serverClosesFirstReuseaddr,
  'server-closes-first-node': serverClosesFirstNode,
  'reuseaddr-added-late': reuseaddrAddedLate,
  'reuseaddr-dropped': reuseaddrDropped,
  'reuseport-only': reuseportOnly,
  'reuseport-added-late': reuseportAddedLate,
  'client-closes-first': clientClosesFirst,
  'client-never-closes': clientNeverCloses,
  'client-never-closes-reuseaddr': clientNeverClosesReuseaddr,
  'server-aborts': serverAborts,
  'client-aborts': clientAborts,
  'server-closes-unread': serverClosesUnread,
  'server-killed': serverKilled,
  'old-server-still-listening': oldServerStillListening,
  'connection-outlives-server': connectionOutlivesServer,
  'connection-outlives-server-reuseaddr': connectionOutlivesServerReuseaddr,
  'wildcard-over-time-wait': wildcardOverTimeWait,
  'specific-over-wildcard-time-wait': specificOverWildcardTimeWait,
  'ipv6-time-wait': ipv6TimeWait,
  'dual-stack-over-ipv4': dualStackOverIpv4,
  'beside-live-wildcard': besideLiveWildcard,
  'reuseport-shared': reuseportShared,
  'overlapping-handover': overlappingHandover,
  'inherited-listener': inheritedListener,
  'outgoing-connection-holds-port': outgoingConnectionHoldsPort,
  'client-reconnects-same-port': clientReconnectsSamePort,
  'client-takes-another-port': clientTakesAnotherPort,
  'fin-timeout-spares-time-wait': finTimeoutSparesTimeWait,
  'fin-timeout-ends-fin-wait2': finTimeoutEndsFinWait2,
  'no-tw-buckets': noTwBuckets,
  'rfc1337-protects-time-wait': rfc1337ProtectsTimeWait,
  'lost-last-ack': lostLastAck,
  'lost-last-ack-without-time-wait': lostLastAckWithoutTimeWait,
  'simultaneous-close': simultaneousClose,
  'port-inside-ephemeral-range': portInsideEphemeralRange,
  // Linux has no such setting.
  ...(process.platform === 'darwin' ? {'msl-sets-time-wait': mslSetsTimeWait} : {}),
  'policy-p-retry-defaults': policyPRetryDefaults,
  'policy-fixed-1s': policyFixed1s,
  'policy-exponential-jitter': policyExponentialJitter,
})
