/**
 * `npm run fuzz -- [TARGET...] [--runs N] [--seed N]`: tries inputs of each target, and prints a line for
 * each. Ends with 1, the shrunk input and the seed that leads to it if something does not hold; by SIGKILL,
 * with the number of the input, if that hangs.
 */
import {Worker} from 'node:worker_threads'
import fc from 'fast-check'
import {programOf} from '../program-options.ts'
import {examine, type Target, targets} from './targets.ts'

const memoryLimitMegabytes = 200
const hangsAfterSeconds = 20

const program = programOf('fuzz')
  .argument('[target...]')
  .option('--runs <n>', 'inputs for each target', Number, 100_000)
  .option('--seed <n>', 'of an earlier run', Number, Math.trunc(Date.now() % 2 ** 31))
  .parse()
const {runs, seed} = program.opts<{runs: number; seed: number}>()
const positionals = program.args
const unknown = positionals.find((name) => !targets.some((target) => target.name === name))
if (unknown !== undefined || !(runs > 0) || !Number.isInteger(seed)) {
  const names = targets.map(({name}) => name).join(', ')
  process.stderr.write(
    `usage: npm run fuzz -- [TARGET...] [--runs N] [--seed N]; targets: ${names}\n`,
  )
  process.exit(2)
}

/** Who hangs cannot say so: another thread does, and ends the process. */
const inputsTried = new Int32Array(new SharedArrayBuffer(4))
const watch = new Worker(
  `const {workerData: {counter, seconds}, threadId} = require('node:worker_threads')
  let last = -1
  setInterval(() => {
    if (counter[0] === last) {
      require('node:fs').writeSync(2, 'hangs at input ' + last + ' for ' + seconds + ' s\\n')
      process.kill(process.pid, 'SIGKILL')
    }
    last = counter[0]
  }, seconds * 1000)`,
  {eval: true, workerData: {counter: inputsTried, seconds: hangsAfterSeconds}},
)
watch.unref()

const megabytes = () => process.memoryUsage.rss() / 1024 / 1024

async function fuzz(target: Target): Promise<boolean> {
  const began = performance.now()
  const before = megabytes()
  let peak = before
  Atomics.store(inputsTried, 0, 0)
  const numRuns = Math.ceil(runs * (target.share ?? 1))
  process.stdout.write(`${target.name.padEnd(22)} seed ${seed}  `)
  const {failed, counterexample, counterexamplePath, errorInstance} = await fc.check(
    fc.asyncProperty(target.input, async (input) => {
      Atomics.add(inputsTried, 0, 1)
      await examine(target, input)
      if ((inputsTried[0] ?? 0) % 50 === 0) peak = Math.max(peak, megabytes())
    }),
    {numRuns, seed},
  )
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  const isTooMuch = peak - before > memoryLimitMegabytes
  process.stdout.write(
    `${numRuns} inputs  ${seconds} s  peak ${peak.toFixed(0)} MB (${before.toFixed(0)} MB before)` +
      `${isTooMuch ? '  TOO MUCH MEMORY' : ''}${failed ? '  FAILED' : ''}\n`,
  )
  if (failed) {
    const input = JSON.stringify(counterexample, (_, value) =>
      value?.type === 'Buffer' ? Buffer.from(value.data).toString('latin1') : value,
    )
    process.stdout.write(`  ${errorInstance}\n  with ${input}\n  at ${counterexamplePath}\n`)
  }
  return !failed && !isTooMuch
}

for (const target of targets) {
  if (positionals.length > 0 && !positionals.includes(target.name)) continue
  if (!(await fuzz(target))) process.exitCode = 1
}
