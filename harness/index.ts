/** What `import 'rebind'` gives: scenarios, checking a server of one's own, asking about a port, and explaining an error. */
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
export {type WhyOptions, why} from './why/ask.ts'
export {type UntilFreeOptions, watchUntilFree} from './why/until-free.ts'
