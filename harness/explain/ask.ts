import type {ChildProcess} from 'node:child_process'
import type {WhyPath, WhyPort} from '../documents/why-schema.ts'
import type {Refusal} from '../why/refusal.ts'

/** What the explainer is asked: a process of its own, which looks at the machine in the place of who was refused. */
export interface Question {
  refusal: Refusal
  /** It ends after this time. */
  seconds: number
  /** Whether the whole document is needed, which has a line for each of perhaps thousands of connections. */
  document?: boolean
}

export interface Explanation {
  /** Absent if it was not asked for. */
  answer?: WhyPort | WhyPath
  /** The answer as it is printed, and the most important of it. */
  full: string
  brief: string
}

/** How long is waited for an answer. On a very slow machine it may be set. */
export function limitSeconds(usual: number): number {
  return Number(process.env.REBIND_EXPLAIN_SECONDS) || usual
}

/** The exit status of an explainer whose time is over. */
export const tooLateStatus = 3

/** Loaded when it is asked for, because it costs a start as much as all the rest. */
const processes = () => process.getBuiltinModule('node:child_process')

/**
 * Asks, and waits for the answer.
 * @param explainer the path of its program
 * @throws Error if there is none, with the code ETIMEDOUT if not in time, or if no process can be started
 */
export function askAndWait(explainer: string, question: Question): Explanation {
  const {stdout, status, error} = processes().spawnSync(
    process.execPath,
    argumentsOf(explainer, question),
    {
      ...{env: environment(), stdio, encoding: 'utf8'},
      ...{timeout: question.seconds * 1000, killSignal: 'SIGKILL'},
    },
  )
  if (error !== undefined) throw error
  return parsed(stdout, status)
}

/**
 * Asks, and lets the program go on meanwhile.
 * @returns the process, and what it answers; rejected as askAndWait throws
 * @throws Error if no process can be started
 */
export function ask(
  explainer: string,
  question: Question,
): {child: ChildProcess; answered: Promise<Explanation>} {
  const child = processes().spawn(process.execPath, argumentsOf(explainer, question), {
    ...{env: environment(), stdio},
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more
  })
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return {child, answered: closed.then((status) => parsed(text, status))}
}

/** It writes nothing to stderr, but sees whether that is a terminal, and how wide. */
const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit']

function argumentsOf(explainer: string, question: Question): string[] {
  return [explainer, JSON.stringify(question)]
}

/**
 * What NODE_OPTIONS has is meant for the program: the preload that has led to here, a debugger, a limit. Certificates
 * take Node longer to read than the answer takes.
 */
function environment(): NodeJS.ProcessEnv {
  const {NODE_OPTIONS: _, NODE_EXTRA_CA_CERTS: __, ...others} = process.env
  return others
}

function parsed(text: string, status: number | null): Explanation {
  if (status === tooLateStatus) throw Object.assign(new Error('too late'), {code: 'ETIMEDOUT'})
  return JSON.parse(text)
}
