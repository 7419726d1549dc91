/** What `import 'rebind'` gives: running scenarios, and defining one's own. */
export {UsageError} from './errors.ts'
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
