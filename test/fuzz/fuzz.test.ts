import test from 'ava'
import fc from 'fast-check'
import {examine, targets} from './targets.ts'

/** `npm run fuzz` tries a hundred times as many. */
const inputs = 1000

for (const target of targets) {
  const numRuns = inputs * (target.share ?? 1)
  test.serial(
    `whatever ${target.name} holds is read, or refused in one plain line, soon`,
    async (t) => {
      await fc.assert(
        fc.asyncProperty(target.input, (input) => examine(target, input)),
        {numRuns},
      )
      t.pass()
    },
  )
}
