/** What `import 'rebind'` gives: running scenarios, defining one's own, checking a server of one's own, and explaining its error. */
export {checkRestart} from './check/check.ts'
export type {CheckOptions} from './check/options.ts'
export {checkReload} from './check/reload.ts'
export type {ReloadOptions} from './check/reload-options.ts'
export {checkSecondInstance} from './check/twice.ts'
export {type RunScenariosOptions, runScenarios} from './commands/run-scenarios.ts'
export type {CheckDocument} from './documents/check-schema.ts'
export type {Host, Report, Result} from './documents/report-schema.ts'
export type {WhyPath, WhyPort} from './documents/why-schema.ts'
export {UsageError} from './errors.ts'
export {explainListenError} from './explain/listen-error.ts'
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
