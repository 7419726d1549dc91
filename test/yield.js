import os from 'node:os'
import test from 'ava'

/** Lets test files other than those that match, and what they start, yield the processors to these. */
export default function yieldTo(pattern) {
  if (new RegExp(pattern).test(test.meta.file)) return
  os.setPriority(os.constants.priority.PRIORITY_BELOW_NORMAL)
}
