/** A release of Debian, as its archive names it. */
type Suite = 'bullseye' | 'bookworm' | 'trixie' | 'trixie-backports' | 'sid'

/** A system that is fetched, somebody's own kernel, or the machine that this is. */
export type System =
  | {name: string; kind: 'kernel'; suites: readonly Suite[]; title: string}
  | {name: string; kind: 'gvisor'; suites: readonly Suite[]; title: string}
  | {name: string; kind: 'own'; image: string; modules: string; title: string}
  | {name: string; kind: 'here'; title: string}

/** In the order in which they are measured. */
export const systems: readonly System[] = [
  {name: '5.10', kind: 'kernel', suites: ['bullseye'], title: "Debian 11's kernel"},
  {name: '6.1', kind: 'kernel', suites: ['bookworm'], title: "Debian 12's kernel"},
  {name: '6.12', kind: 'kernel', suites: ['trixie'], title: "Debian 13's kernel"},
  {
    ...{name: 'newest', kind: 'kernel', title: 'the newest kernel that Debian has released'},
    suites: ['trixie', 'trixie-backports', 'sid'],
  },
  {
    ...{name: 'gvisor-20221219', kind: 'gvisor', title: "Debian 12's gVisor"},
    suites: ['bookworm'],
  },
  {name: 'gvisor-20240729', kind: 'gvisor', suites: ['trixie'], title: "Debian 13's gVisor"},
  {name: 'here', kind: 'here', title: 'this machine (only if named)'},
]
