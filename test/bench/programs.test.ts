import test from 'ava'
import {costOf} from '../../harness/bench/cost-of.ts'
import {CannotMeasure} from '../../harness/bench/part.ts'
import {outputOf} from '../../harness/bench/programs.ts'
import {spinOnAllCores} from '../../harness/bench/spinners.ts'
import {readProcesses} from '../../harness/processes/process-table.ts'

const node = (script: string) => [process.execPath, '--eval', script]
const aTenthOfProcessorTime = 'while (process.cpuUsage().user < 1e5);'

test('the cost of a program has the time and the memory that it and its children took', async (t) => {
  const own = await costOf(node('Buffer.alloc(100e6, 1)'))
  t.true(own.peakBytes > 100e6)
  const child = `require('node:child_process').spawnSync(process.execPath, ['--eval', '${aTenthOfProcessorTime}'])`
  const {cpuSeconds, wallSeconds} = await costOf(node(child))
  t.true(cpuSeconds >= 0.1, `${cpuSeconds} s`)
  t.true(wallSeconds > 0)
})

test('a program that fails has no cost and no output, but says why', async (t) => {
  const failing = node('process.stderr.write("nothing works"); process.exitCode = 3')
  for (const run of [costOf, outputOf]) {
    const error = await t.throwsAsync(() => run(failing), {instanceOf: CannotMeasure})
    t.regex(error.message, /status 3: nothing works$/)
  }
})

test.serial('the processes that keep the cores busy end when they are told to', async (t) => {
  const children = () => readProcesses().filter(({parent}) => parent === process.pid)
  const before = children().length
  const spinners = await spinOnAllCores()
  t.is(children().length, before + spinners.count)
  await spinners.stop()
  t.is(children().length, before)
})
