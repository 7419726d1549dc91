import type {Policy} from './policy.ts'

/** The restart policies that people really use, by id. */
export const policies: Readonly<Record<string, Policy>> = {
  'p-retry-defaults': {
    title: 'p-retry, its defaults',
    attempt: 'call',
    firstPauseSeconds: 0,
    pause: {
      kind: 'growing',
      firstSeconds: 1,
      factor: 2,
      capSeconds: Number.POSITIVE_INFINITY,
    },
    givesUp: {kind: 'attempts', attempts: 11},
    scenario: 'policy-p-retry-defaults',
    source: 'p-retry 7.1.1, readme: retries 10, factor 2, minTimeout 1000',
  },
  'fixed-1s': {
    title: 'every second',
    attempt: 'call',
    firstPauseSeconds: 0,
    pause: {kind: 'fixed', seconds: 1},
    scenario: 'policy-fixed-1s',
    source: 'Node.js 20 documentation, net: server.listen(), the example for EADDRINUSE',
  },
  'exponential-jitter': {
    title: 'exponential with jitter, 0.1 to 5 s',
    attempt: 'call',
    firstPauseSeconds: 0,
    pause: {kind: 'growing', firstSeconds: 0.1, factor: 2, capSeconds: 5, jitter: [1, 2]},
    scenario: 'policy-exponential-jitter',
    source: 'p-retry 7.1.1, readme: randomize, minTimeout 100, maxTimeout 5000',
  },
  systemd: {
    title: 'systemd Restart=always',
    attempt: 'process',
    firstPauseSeconds: 0.1,
    pause: {kind: 'fixed', seconds: 0.1},
    givesUp: {kind: 'start-limit', starts: 5, withinSeconds: 10},
    source:
      'systemd 252, systemd.service(5): RestartSec=100ms; systemd-system.conf(5): DefaultStartLimitBurst=5, DefaultStartLimitIntervalSec=10s',
    note: 'the unit then stays failed until somebody starts it',
  },
  'pm2-restart': {
    title: 'pm2 restart',
    attempt: 'process',
    firstPauseSeconds: 0,
    pause: {kind: 'fixed', seconds: 0},
    givesUp: {kind: 'attempts', attempts: 16, endedWithinSeconds: 1},
    source:
      'pm2 7.0.4, lib/God.js:handleExit (restart_delay 0, max_restarts 16, min_uptime 1000); lib/God/Methods.js:resetState',
    note: 'the app then stays errored until somebody restarts it',
  },
  'pm2-crash': {
    title: 'pm2, the app crashed',
    attempt: 'process',
    firstPauseSeconds: 0,
    pause: {kind: 'fixed', seconds: 0},
    source:
      'pm2 7.0.4, lib/God.js:handleExit: max_restarts counts only in the first 16 s after pm2 start or restart',
    note: 'an app that ran for longer is started again without a pause, forever',
  },
  'pm2-backoff': {
    title: 'pm2 --exp-backoff-restart-delay=100',
    attempt: 'process',
    firstPauseSeconds: 0.1,
    pause: {kind: 'growing', firstSeconds: 0.15, factor: 1.5, capSeconds: 15},
    source: 'pm2 7.0.4, lib/God.js:handleExit (exp_backoff_restart_delay: times 1.5, up to 15 s)',
    note: 'the app crashed after more than 16 s; after a pm2 restart max_restarts holds, too',
  },
  docker: {
    title: 'Docker restart: always',
    attempt: 'process',
    firstPauseSeconds: 0.1,
    pause: {kind: 'growing', firstSeconds: 0.2, factor: 2, capSeconds: 60},
    source:
      'Docker Engine API 1.57, RestartPolicy: 100 ms, doubled each time; moby (Docker Engine 29) restartmanager.go: up to 1 min, starting over after 10 s of running',
    note: 'with --network=host; the time that the container itself takes to start is left out',
  },
  kubernetes: {
    title: 'Kubernetes CrashLoopBackOff',
    attempt: 'process',
    firstPauseSeconds: 0,
    pause: {kind: 'growing', firstSeconds: 10, factor: 2, capSeconds: 300},
    source:
      'Kubernetes 1.36 documentation, Pod Lifecycle: at once, then 10 s doubling to 300 s (ReduceDefaultCrashLoopBackOffDecay is off by default)',
    note: 'the pod keeps its network namespace, and so the residue; the time that the container itself takes to start is left out',
  },
  nodemon: {
    title: 'nodemon',
    attempt: 'process',
    firstPauseSeconds: 0,
    pause: {kind: 'none'},
    source: 'nodemon 3.1.14, lib/monitor/run.js: waiting for file changes before starting',
    note: 'waits for a file change',
  },
}
