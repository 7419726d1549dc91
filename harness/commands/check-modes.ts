import {UsageError} from '../errors.ts'

const onPort = ['port', 'host'] as const
const starting = ['startTimeout', 'env', 'cwd'] as const
const stopping = ['stop', 'stopTimeout'] as const
const underTraffic = [
  'send',
  'limit',
  'triggerTimeout',
  'rate',
  'idle',
  'inFlight',
  'http',
] as const
const limits = ['maxOutage', 'maxLost', 'maxWait'] as const

/** What each way to check takes of the options that not all of them take. */
const options = {
  restart: [
    ...[...onPort, ...starting, ...stopping, ...limits],
    ...(['connections', 'send', 'hold', 'rounds', 'limit'] as const),
  ],
  trigger: [...onPort, ...starting, ...underTraffic, ...limits],
  attach: [...onPort, 'cwd', ...underTraffic, ...limits],
  activate: [...onPort, ...starting, ...stopping, ...underTraffic, ...limits],
  twice: [...onPort, ...starting],
  socket: [...starting, ...stopping],
} as const

export type CheckMode = keyof typeof options
type OptionName = (typeof options)[CheckMode][number]

const modes = Object.keys(options) as CheckMode[]
const names = [...new Set<OptionName>(modes.flatMap((mode) => [...options[mode]]))]

/**
 * Makes sure that no option was given that would do nothing.
 * @param isGiven whether an option was given, by its name in camel case; a default does not count
 * @throws UsageError
 */
export function assertOptionsFit(mode: CheckMode, isGiven: (name: string) => boolean): void {
  const unfit = names.find((name) => isGiven(name) && !takes(mode, name))
  if (unfit === undefined) return
  const fitting = modes.filter((each) => takes(each, unfit))
  const needed = fitting.filter((each) => each !== 'restart').map(flag)
  if (mode === 'restart') {
    throw new UsageError(`option '${flag(unfit)}' needs one of ${needed.join(', ')}`)
  }
  const others = fitting.map((each) => (each === 'restart' ? 'a plain restart' : flag(each)))
  throw new UsageError(
    `option '${flag(unfit)}' cannot be used with option '${flag(mode)}'; it is for ${others.join(', ')}`,
  )
}

function takes(mode: CheckMode, name: OptionName): boolean {
  return options[mode].some((each) => each === name)
}

function flag(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}
