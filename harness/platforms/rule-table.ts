import type {TcpState} from './tcp-states.ts'

/** What a person is told of a rule: one sentence on which condition decides, and where the system's code has it. */
export interface RuleText {
  because: string
  /** file:function of the operating system's code, or a standard. */
  source: string
}

/** A row of a system's table; what else an answer holds, such as its outcome, is beside it. */
export interface Rule extends RuleText {
  /** Of a release: what the kernel lets go by it. */
  releases?: TcpState
}

/** The rules of a system by their ids, which are kebab-case and stay what they are when the words change. */
export type RuleTable = Readonly<Record<string, Rule>>

/** Rules that no operating system has to itself. */
export const generalRules = {
  'ended-by-process': {
    because: 'only the process that has the socket ends it',
    source: 'RFC 9293 section 3.3.2',
  },
  'inherited-socket': {
    because: 'the listening socket is never closed, so there is nothing to bind',
    source: 'sd_listen_fds(3)',
  },
  'path-exists': {
    because: 'a bind makes the file, and is refused (EADDRINUSE) if anything of that name exists',
    source: 'net/unix/af_unix.c:unix_bind_bsd',
  },
} as const satisfies RuleTable

/** Answers by id, with everything that the table has for it. */
export function answersFrom<const Table extends RuleTable>(table: Table) {
  return <Id extends keyof Table & string>(id: Id): {id: Id} & Table[Id] => ({id, ...table[id]})
}
