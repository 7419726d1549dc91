/** Starts the command line as its users do, and waits for what they would see of it. */
import {type ChildProcess, spawn} from 'node:child_process'
import {mkdtempSync, readdirSync, readFileSync} from 'node:fs'
import {rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {fileURLToPath} from 'node:url'
import type {ExecutionContext} from 'ava'
import * as z from 'zod'
import {type Report, type Result, reportSchema} from '../../harness/documents/report-schema.ts'

export {missingProgram, testUnless} from '../needs.ts'

export const projectFolder = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Compiled by ava.config.js, which takes half the time to start that the sources take. Absolute, so that a
 * test can start it in any folder.
 */
const ownCommandLine = [process.execPath, join(projectFolder, 'dist', 'harness', 'cli.js')]

export interface Ended {
  status: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  pid: number
}

export interface Started {
  child: ChildProcess
  pid: number
  /** Resolved when the program has ended and all its output has arrived. */
  ended: Promise<Ended>
  /** Resolved when the output so far matches; rejected if the program ends before. */
  shows(pattern: RegExp, stream?: 'stdout' | 'stderr'): Promise<void>
}

export interface StartOptions {
  cwd?: string
  /** Set on top of the test's own environment; undefined takes a variable away. */
  env?: Record<string, string | undefined>
  /** A pipe that the test writes to; by default there is no stdin. */
  stdin?: 'pipe' | 'ignore'
  /** A program, with its arguments, that starts the command line, e.g. prlimit. */
  launcher?: string[]
  /** Where the launcher sees it, if elsewhere than here. */
  commandLine?: string[]
}

/** Starts `rebind ARGS`; whatever is left of it is killed when the test is over. */
export function startCli(
  t: ExecutionContext,
  args: string[],
  {launcher = [], commandLine = ownCommandLine, ...options}: StartOptions = {},
): Started {
  return startProgram(t, [...launcher, ...commandLine, ...args], options)
}

/** Runs `rebind ARGS` to its end. */
export function runCli(
  t: ExecutionContext,
  args: string[],
  options: StartOptions = {},
): Promise<Ended> {
  return startCli(t, args, options).ended
}

/** Whatever runs the tests, colours and the workflow run's summary are not what they write to. */
const quietEnvironment = {
  FORCE_COLOR: undefined,
  NO_COLOR: '1',
  GITHUB_ACTIONS: undefined,
  GITHUB_STEP_SUMMARY: undefined,
}

export function startProgram(
  t: ExecutionContext,
  [command = '', ...args]: string[],
  {
    cwd = projectFolder,
    env = {},
    stdin = 'ignore',
  }: Omit<StartOptions, 'launcher' | 'commandLine'> = {},
): Started {
  const child = spawn(command, args, {
    cwd,
    env: {...process.env, ...quietEnvironment, ...env},
    stdio: [stdin, 'pipe', 'pipe'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  const pid = child.pid ?? 0
  const output = {stdout: '', stderr: ''}
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text
    })
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status, signal) => resolve({status, signal, ...output, pid}))
  })
  return {
    child,
    pid,
    ended,
    shows: (pattern, stream = 'stderr') =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (pattern.test(output[stream])) resolve()
        }
        child[stream]?.on('data', look)
        ended.then(({stderr}) => {
          reject(new Error(`ended without showing ${pattern}; its stderr: ${stderr}`))
        }, reject)
        look()
      }),
  }
}

/** A new folder under the system's temporary one, removed with all it holds when the test is over. */
export function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'rebind-test-'))
  t.teardown(() => rm(folder, {recursive: true, force: true}))
  return folder
}

/** The one run folder that was made in `out`. */
export function runFolder(out: string): string {
  const [id, ...others] = readdirSync(out)
  if (id === undefined || others.length > 0) {
    throw new Error(`${out} holds ${id === undefined ? 'no' : 'more than one'} run folder`)
  }
  return join(out, id)
}

/** The report.json of the one run in `out`. */
export function readReport(out: string): Report {
  return reportSchema.parse(JSON.parse(readFileSync(join(runFolder(out), 'report.json'), 'utf8')))
}

/** The result of the named scenario. */
export function resultOf({results}: Report, scenario: string): Result {
  const result = results.find((candidate) => candidate.scenario === scenario)
  if (result === undefined) throw new Error(`the report has no result for ${scenario}`)
  return result
}

const eventSchema = z.looseObject({
  run: z.string(),
  scenario: z.string().nullable(),
  event: z.string(),
  seconds: z.number().nonnegative(),
  // bind-attempt, call
  attempt: z.int().positive().optional(),
  outcome: z.string().optional(),
  code: z.string().optional(),
  // process
  role: z.string().optional(),
  pid: z.int().positive().optional(),
  change: z.enum(['started', 'ended']).optional(),
  // bind-attempt of timing
  port: z.int().positive().optional(),
})

export type Event = z.infer<typeof eventSchema>

/**
 * The events of the one run in `out`, up to the last full line.
 * @throws if a line is not JSON, or lacks what every event has
 */
export function readEvents(out: string): Event[] {
  const text = readFileSync(join(runFolder(out), 'events.ndjson'), 'utf8')
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => eventSchema.parse(JSON.parse(line)))
}

/** The pids of all processes that the log tells of, or of one scenario's. */
export function startedPids(events: Event[], scenario?: string, role?: string): number[] {
  return events
    .filter(({event, change}) => event === 'process' && change === 'started')
    .filter((event) => scenario === undefined || event.scenario === scenario)
    .filter((event) => role === undefined || event.role === role)
    .flatMap(({pid}) => pid ?? [])
}

/** Waits until the log on disk, which lags up to half a second behind, tells of a process. */
export async function loggedPid(out: string, scenario: string, role: string): Promise<number> {
  const find = () => startedPids(readEvents(out), scenario, role)[0]
  await until(() => find() !== undefined, 10, `${role} of ${scenario} in events.ndjson`)
  return find() ?? 0
}

/**
 * How long is waited for what comes by itself at once, as the end of a process whose parent was killed. Beside the
 * other tests, at a lower priority than those that measure, it first waits for its turn on a core: two seconds
 * were too few on two busy ones. What never comes does not come in ten either.
 */
export const soon = 10

/** Polls until the condition holds. */
export async function until(
  condition: () => boolean,
  withinSeconds: number,
  what: string,
): Promise<void> {
  const deadline = performance.now() + withinSeconds * 1000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${withinSeconds} s: ${what}`)
    await delay(10)
  }
}

/**
 * Whether a scenario's process is alive. On Linux one that has ended but that nobody has reaped, or
 * another program under the same pid, is told apart by its command line.
 */
export function isActorRunning(pid: number): boolean {
  try {
    if (process.platform !== 'linux') return process.kill(pid, 0)
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('actor')
  } catch {
    return false
  }
}

/** Matches the frames of a stack trace, which no user should ever be shown. */
export const stackTrace = /^\s+at .+/m

/** Text without what is put in parentheses on a line of its own: the hints at what to do. */
export function complaintsOf(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line !== '' && !/^\(.*\)$/.test(line))
}
