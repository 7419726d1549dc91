import type {Expected} from '../documents/report-schema.ts'

/** An expectation of which any part may come true, the most likely first. */
export function oneOf([first, ...others]: readonly [Expected, ...Expected[]]): Expected {
  return others.length === 0 ? first : {...first, alternatives: others}
}

/** Its parts, each as if it were all. */
export function possibilitiesOf({
  alternatives = [],
  ...first
}: Expected): [Expected, ...Expected[]] {
  return [first, ...alternatives]
}
