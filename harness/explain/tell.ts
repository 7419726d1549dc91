import type {ChildProcess} from 'node:child_process'
import {writeSync} from 'node:fs'
import type {Socket} from 'node:net'
import {fileURLToPath} from 'node:url'
import {printable} from '../text.ts'
import type {Refusal} from '../why/refusal.ts'
import {ask, askAndWait, limitSeconds} from './ask.ts'
import {cluster} from './cluster.ts'
import {refusalOf} from './node-error.ts'
import {awaitExplained, claim, explained, sleep} from './tree.ts'

/** An answer comes within this time, or a line that says how to get one. */
const seconds = limitSeconds(1)

interface Pending {
  refusal: Refusal
  child: ChildProcess
}

/** What this process has explained, or is about to. */
const told = new Set<string>()
const pending = new Map<string, Pending>()

/** Explains before anything else happens: what follows is the end of the program, most likely. */
export function explainNow(refusal: Refusal): void {
  const what = nameOf(refusal)
  if (finish(what, 'full') || told.has(what)) return
  told.add(what)
  // Workers that are refused the same port are one program; one that is started again is not.
  const claimed = `${what} in ${cluster().isWorker ? process.ppid : process.pid}`
  if (claim(claimed)) {
    print(refusal, 'full')
    explained(claimed)
  } else awaitExplained(claimed, seconds)
}

/** Explains while the program goes on: it has caught the error, and perhaps tries again soon. */
export function explainSoon(refusal: Refusal): void {
  const what = nameOf(refusal)
  if (told.has(what)) return
  told.add(what)
  if (!claim(what)) return
  try {
    const {child, answered} = ask(explainer(), {refusal, seconds})
    begin(what, {refusal, child})
    const answer = (text: string) => {
      if (take(what) !== undefined) write(text)
    }
    answered.then(
      ({brief}) => answer(brief),
      (error) => answer(hint(refusal, error)),
    )
    // The program ends when it would without us.
    for (const handle of [child, child.stdout as Socket | null]) handle?.unref()
  } catch (error) {
    write(hint(refusal, error))
  }
}

/**
 * What is still being looked up when the program ends, or throws the error that it has caught, is finished before. If a
 * signal ends it, the explainer answers by itself: a listener of ours would be in the program's way.
 */
const endings = Object.entries<(error?: unknown) => void>({
  exit: finishAll,
  uncaughtExceptionMonitor: (error) => {
    const refusal = refusalOf(error)
    if (refusal !== undefined) finish(nameOf(refusal), 'full')
  },
}).map(([event, end]) => ({event, listener: (error?: unknown) => quietly(() => end(error))}))

function begin(what: string, begun: Pending): void {
  pending.set(what, begun)
  if (pending.size === 1) for (const {event, listener} of endings) process.on(event, listener)
}

/** @returns what was being looked up, which is then the caller's */
function take(what: string): Pending | undefined {
  const begun = pending.get(what)
  pending.delete(what)
  if (pending.size === 0) for (const {event, listener} of endings) process.off(event, listener)
  return begun
}

function finishAll(): void {
  for (const what of [...pending.keys()]) finish(what, 'brief')
}

/** @returns whether it was being looked up */
function finish(what: string, form: 'full' | 'brief'): boolean {
  const begun = take(what)
  if (begun === undefined) return false
  begun.child.kill('SIGKILL')
  print(begun.refusal, form)
  return true
}

function print(refusal: Refusal, form: 'full' | 'brief'): void {
  let text: string
  try {
    const explanation = askAndWait(explainer(), {refusal, seconds})
    text = explanation[form]
  } catch (error) {
    text = hint(refusal, error)
  }
  write(text)
}

/** @param error by which no process could be started (--permission), or had to be ended; without a code if it did not answer */
function hint(refusal: Refusal, error: unknown): string {
  const {code} = error as NodeJS.ErrnoException
  const from = code === undefined ? 'from here' : `from here (${code})`
  const why = code === 'ETIMEDOUT' ? `within ${seconds} s` : from
  const target = 'path' in refusal ? refusal.path : refusal.port
  return `rebind: ${printable(`${nameOf(refusal)} was refused (${refusal.code}), and what is in the way could not be looked up ${why}: rebind why ${target} shows it`)}\n`
}

function nameOf(refusal: Refusal): string {
  return 'path' in refusal ? refusal.path : `port ${refusal.port}`
}

function explainer(): string {
  return fileURLToPath(new URL('explainer.cjs', import.meta.url))
}

const longestWaitMilliseconds = 200
const retryMilliseconds = 10

/** Not through process.stderr: a program that ends at once, or a worker thread, would lose it. */
function write(text: string): void {
  let rest = Buffer.from(text)
  for (let waited = 0; rest.length > 0 && waited < longestWaitMilliseconds; ) {
    try {
      rest = rest.subarray(writeSync(2, rest))
    } catch (error) {
      // A pipe that does not block, and is full.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      sleep(retryMilliseconds)
      waited += retryMilliseconds
    }
  }
}

/** No exception of ours reaches the program. */
export function quietly(act: () => void): void {
  try {
    act()
  } catch {
    // Whatever was wrong, the program has its own error.
  }
}
