import {Command, InvalidArgumentError} from 'commander'

/** A program whose wrong usage is a line on stderr and exit status 2. */
export function programOf(name: string): Command {
  return new Command(name).exitOverride(({exitCode}) => process.exit(exitCode === 0 ? 0 : 2))
}

/** @throws InvalidArgumentError, which commander turns into one line */
export function wholeNumber(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number.')
}

/** @throws InvalidArgumentError, as above */
export function positiveNumber(text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError('It must be a number greater than 0.')
}
