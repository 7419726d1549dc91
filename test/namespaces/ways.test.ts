import test from 'ava'
import {namespaceWays} from '../../harness/namespaces/ways.ts'

test('a namespace is first tried without root, and then with a sudo that never asks for a password', (t) => {
  const [first, ...others] = namespaceWays()
  t.false(first?.make.includes('sudo'))
  t.true(first?.host.includes('-U'), 'a user namespace')
  for (const {make, host, keep, enter} of others) {
    for (const [command, ...args] of [make, host, keep(1), enter(1, 3)]) {
      if (command === 'sudo') t.is(args[0], '-n')
      else t.is(process.getuid?.(), 0, `${command} needs root`)
    }
  }
})
