import test from 'ava'
import {namespaceWays} from '../../harness/namespaces/ways.ts'

test('a namespace is first tried without root, and then with a sudo that never asks for a password', (t) => {
  const [first, ...others] = namespaceWays()
  t.false(first?.make.includes('sudo'))
  t.true(first?.make.includes('-U'), 'a user namespace')
  for (const {make, enter} of others) {
    for (const [command, ...args] of [make, enter(1)]) {
      if (command === 'sudo') t.is(args[0], '-n')
      else t.is(process.getuid?.(), 0, `${command} needs root`)
    }
  }
})
