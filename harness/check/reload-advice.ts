import type {CheckDocument} from '../documents/check-schema.ts'
import {runtimes} from './fixes.ts'
import type {LossKind} from './losses.ts'
import {hasGap} from './safe.ts'

/** What to do about each kind of loss, whatever the server is made with. */
const remedies: Readonly<Record<LossKind, string>> = {
  'no-listener':
    'Let the new server listen before the old one stops: pass the listening socket on (systemd socket activation, rebind hold), or reload instead of restarting.',
  'queue-closed':
    'A listening socket that is closed resets what is in its queue. Keep one socket and pass it on, or set net.ipv4.tcp_migrate_req=1 (Linux 5.14 or later) where both servers use SO_REUSEPORT.',
  'process-ended':
    'The old process ends too early: stop accepting first, answer what was accepted, and exit only then; give it the time to (a longer stop timeout of its supervisor).',
  'keep-alive-closed':
    'Announce the end of a kept connection with "Connection: close" in the last response, and close it only after that; a client may repeat such a request.',
  'closed-unanswered':
    'The server closes connections that it has accepted, without an answer; see its output.',
  'reset-by-server':
    'Read what a client has sent before its connection is closed, or the kernel answers with RST.',
  'reset-unseen': 'Repeat it with a lower --rate, so that each connection is seen.',
  unanswered: 'Connections wait for a server that does not answer them; see its output.',
}

/** What to do, a sentence each; the answer first. */
export function reloadAdvice(document: CheckDocument): string[] {
  const {
    problem,
    losses = [],
    trigger,
    traffic,
    lossless,
    thresholds = [],
    runtime,
    safe,
  } = document
  if (problem !== undefined) {
    return [`${problem.remedy.charAt(0).toUpperCase()}${problem.remedy.slice(1)}.`]
  }
  if (document.activation?.took === false) {
    return [
      'Take the socket that is passed on: with LISTEN_FDS=1 it is file descriptor 3 (Node: server.listen({fd: 3}); Python: socket.socket(fileno=3); Go: github.com/coreos/go-systemd/activation).',
    ]
  }
  const own = runtimes.find(({name}) => name === runtime)?.reload
  const {oldListeners = []} = trigger ?? {}
  const isGap = trigger?.reloaded === true && hasGap(trigger)
  const stays = trigger?.reloaded === true && trigger.generations[0]?.to === null
  return [
    ...(trigger?.reloaded === false
      ? [
          'No new process answered: the server is gone, or stays as it was; see its output in server.log.',
        ]
      : []),
    ...(isGap && !losses.some(({kind}) => kind === 'no-listener') ? [remedies['no-listener']] : []),
    ...losses.map(({kind}) => remedies[kind as LossKind] ?? ''),
    ...((losses.length > 0 || isGap) && own !== undefined ? [`${own}.`] : []),
    ...(oldListeners.length > 0
      ? [
          'The old server has a listening socket of its own, and goes on taking clients: have it close that socket, or exit, once the new one listens.',
        ]
      : []),
    ...(stays && oldListeners.length === 0
      ? [
          'Processes of the old generation still served at the end: they may wait for kept connections to close, or hold the socket for ever.',
        ]
      : []),
    ...thresholds.flatMap(({met, name}) => (met ? [] : [`The limit --${name} was exceeded.`])),
    ...((traffic?.withoutPort ?? 0) > 0
      ? ['This machine ran out of local ports for clients; use a lower --rate.']
      : []),
    ...(lossless === null
      ? [
          'No answer was expected, so nobody knows which connections were accepted: use --http PATH, or --send TEXT.',
        ]
      : []),
    ...(lossless === true && safe
      ? ['Nothing to do: every connection and request was answered while the server restarted.']
      : []),
  ].filter((line) => line !== '')
}
