/** What else a check can be of: a reload, a second instance, a Unix socket. */
import type {CheckDocument} from '../../harness/documents/check-schema.ts'

/** It lost some clients, and exceeded a limit. */
export function reloaded({problem: _, ...check}: CheckDocument): CheckDocument {
  const process = (pid: number) => ({pid, startedAt: `${pid}`, command: 'node server.js'})
  const lane = {opened: 300, answered: 288, refused: 10, reset: 2, cutOff: 0, unanswered: 0}
  const none = {opened: 0, answered: 0, refused: 0, reset: 0, cutOff: 0, unanswered: 0}
  return {
    ...check,
    ...{safe: false, rounds: [], runtime: 'Node', lossless: false},
    trigger: {
      ...{command: ['touch server.js'], at: [0.6], reloaded: true, answeredAfterSeconds: 0.214},
      withoutListenerSeconds: [0.09, 0.11],
      generations: [
        {processes: [process(12)], from: [0, 0.01], to: [0.61, 0.62]},
        {processes: [process(15)], from: [0.71, 0.72], to: null},
      ],
    },
    traffic: {
      ...{asks: 'http', rate: 100, seconds: 3, statusClasses: {'2xx': 330}, idleClosed: 2},
      new: {...lane, slowestSeconds: 0.021},
      idle: {...none, opened: 2, answered: 2, slowestSeconds: 0.002},
      inFlight: {...none, slowestSeconds: null},
      ...{withoutPort: 0, latestSeconds: 0.004, longestGapSeconds: 0.113},
    },
    losses: [
      {kind: 'no-listener', count: 10, because: 'nobody listened for 90 to 110 ms'},
      {kind: 'process-ended', count: 2, because: 'the process ended before it had answered'},
    ],
    thresholds: [
      {name: 'max-outage', limit: 0.1, measured: 0.113, met: false},
      {name: 'max-lost', limit: 20, measured: 12, met: true},
    ],
    advice: ['Let the new server listen before the old one stops.'],
  }
}

/** Its second start shares the port, where the address allows that. */
export function startedTwice({problem: _, ...check}: CheckDocument): CheckDocument {
  const second = {status: null, lines: [], ports: [3000]}
  return {
    ...check,
    ...{safe: false, rounds: []},
    twice: [
      {
        ...{address: '127.0.0.1', verdict: 'refuses', answeredBy: null, ports: [], status: 1},
        ...{what: 'exited with status 1', lines: ['Error: listen EADDRINUSE']},
      },
      {
        ...{address: '0.0.0.0', verdict: 'shares', what: 'listens, too', ...second},
        answeredBy: {first: 52, second: 48, nobody: 0},
      },
    ],
    advice: ['Both listen, and each client gets one or the other.'],
  }
}

/** A Node server that does not look whether somebody answers at the path. */
export function onUnixSocket({problem: _, ...check}: CheckDocument): CheckDocument {
  const none = {status: null, lines: []}
  return {
    ...check,
    ...{safe: false, rounds: [], port: null, address: '/run/app.sock'},
    socket: {
      path: '/run/app.sock',
      starts: [
        {
          ...{situation: 'stopped', fileLeft: false, verdict: 'granted', what: 'listened', ...none},
          afterSeconds: 0.061,
        },
        {
          ...{situation: 'killed', fileLeft: true, verdict: 'refused', status: 1},
          ...{what: 'exited with status 1', lines: ['Error: listen EADDRINUSE: /run/app.sock']},
          afterSeconds: 0.058,
        },
        {
          ...{situation: 'beside', fileLeft: true, verdict: 'takes-over', ...none},
          what: 'removed the path of the first, which no client reaches any more',
          afterSeconds: 0.07,
        },
      ],
    },
    advice: ['A crash leaves the file, and the next start is refused.'],
  }
}
