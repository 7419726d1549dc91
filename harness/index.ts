/** What `import 'rebind'` gives: running scenarios, defining one's own, and checking a server of one's own. */
export {checkRestart} from './check/check.ts'
export type {CheckOptions} from './check/options.ts'
export {UsageError} from './errors.ts'
export type {CheckDocument} from './reports/check-schema.ts'
export type {Host, Report, Result} from './reports/schema.ts'
export {type RunScenariosOptions, runScenarios} from './run/run-scenarios.ts'
export {
  type CommonAdvice,
  type Residue,
  type Scenario,
  type ScenarioWithArms,
  type Script,
  type ServerSpec,
  type SocketSpec,
  scenario,
} from './scenario.ts'
