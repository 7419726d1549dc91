import {type ChildProcess, fork} from 'node:child_process'
import {fileURLToPath} from 'node:url'
import {namespaceWays, type Way} from '../namespaces/ways.ts'
import {CannotMeasure} from './part.ts'

/** The one message of a program in a namespace. */
type Said<Result> = {result: Result} | {problem: string}

const remedy =
  'a private network namespace is needed: allow user namespaces (sysctl -w ' +
  'user.max_user_namespaces=10000), or let this user run sudo without a password'

/**
 * Runs a program of this folder in a network namespace of its own, which ends with it, so that nothing from
 * before, and nothing that it leaves behind, disturbs a measurement.
 * @returns what it passed to `tellResult`
 * @throws CannotMeasure; the interruption
 */
export async function inNamespace<Result>(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<Result> {
  if (process.platform !== 'linux') throw new CannotMeasure('only Linux has network namespaces')
  const problems: string[] = []
  for (const way of namespaceWays()) {
    const said = await runThrough<Result>(way, program, args, signal)
    signal.throwIfAborted()
    if ('result' in said) return said.result
    if ('problem' in said) throw new CannotMeasure(said.problem)
    problems.push(`${way.title}: ${said.notStarted}`)
  }
  throw new CannotMeasure(`${remedy} (${problems.join('; ')})`)
}

function runThrough<Result>(
  {make: [command, ...through]}: Way,
  program: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<Said<Result> | {notStarted: string}> {
  const {NODE_OPTIONS: _, ...env} = process.env
  // The channel is file descriptor 0, because sudo closes all but the first three (harness/processes/launch.ts).
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), args, {
    execPath: command,
    execArgv: [...through, process.execPath, `--import=${import.meta.resolve('tsx')}`],
    env,
    stdio: ['ipc', 'inherit', 'pipe'],
  })
  return new Promise((resolve) => {
    let said: Said<Result> | undefined
    let errors = ''
    const end = () => disconnect(child)
    signal.addEventListener('abort', end)
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors += text
    })
    child.on('message', (message: Said<Result>) => {
      said = message
    })
    child.once('error', ({message}) => {
      errors += message
    })
    child.once('close', () => {
      signal.removeEventListener('abort', end)
      resolve(said ?? {notStarted: errors.trim().split('\n').at(-1) ?? 'it printed nothing'})
    })
  })
}

/** The program ends when its channel does, also where it runs as another user. */
function disconnect(child: ChildProcess): void {
  if (child.connected) child.disconnect()
}

/** In such a program: does its work, sends the result, and ends; it also ends when nobody listens any more. */
export async function tellResult<Result>(work: () => Promise<Result>): Promise<void> {
  process.once('disconnect', () => process.exit())
  const said: Said<Result> = await work().then(
    (result) => ({result}),
    ({message}: Error) => ({problem: message}),
  )
  process.send?.(said, () => process.disconnect())
}
