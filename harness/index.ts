/** What `import 'rebind'` gives: scenarios, checking a server of one's own, and asking about a port. */
export {checkRestart} from './check/check.ts'
export type {CheckOptions} from './check/options.ts'
export {type RunScenariosOptions, runScenarios} from './commands/run-scenarios.ts'
export type {CheckDocument} from './documents/check-schema.ts'
export type {Host, Report, Result} from './documents/report-schema.ts'
export type {WhyPath, WhyPort} from './documents/why-schema.ts'
export {UsageError} from './errors.ts'
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
