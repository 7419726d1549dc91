import assert from 'node:assert/strict'
import {createServer} from 'node:net'
import {
  type CheckDocument,
  checkReload,
  checkRestart,
  checkSecondInstance,
  type Report,
  runScenarios,
  UsageError,
} from 'rebind'
import resets from './own-scenario.ts'

const report: Report = await runScenarios({
  scenarios: {resets},
  ids: ['resets', 'server-closes-first-reuseaddr'],
  quick: true,
})
for (const {scenario, status, bind} of report.results) {
  process.stdout.write(`${scenario} ${status} ${bind?.verdict}\n`)
}

// A port that nobody listens on, for a server that takes it from its environment.
const probe = createServer()
await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
const address = probe.address()
assert(typeof address === 'object' && address !== null)
await new Promise((resolve) => probe.close(resolve))

const program = 'require("node:net").createServer().listen(process.env.PORT, "127.0.0.1")'
const server = {command: [process.execPath, '-e', program], port: address.port}
const check: CheckDocument = await checkRestart(server)
assert.equal(check.safe, true)
process.stdout.write(`restart safe ${check.rounds[0]?.verdict}\n`)
const {twice}: CheckDocument = await checkSecondInstance(server)
process.stdout.write(`second instance ${twice?.[0]?.verdict}\n`)
const {problem} = await checkReload({...server, triggers: [['true']], triggerTimeoutSeconds: 5})
process.stdout.write(`reload ${problem?.kind}\n`)

await assert.rejects(runScenarios({ids: ['no-such-scenario']}), UsageError)
