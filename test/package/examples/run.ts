import {runScenarios} from 'rebind'

const report = await runScenarios({ids: ['server-closes-first'], limitSeconds: 70})
for (const {scenario, status, bind} of report.results) {
  process.stdout.write(`${scenario}: ${status}, ${bind?.verdict}, ${bind?.waitSeconds} s\n`)
}
