import {constants} from 'node:os'
import {isMapped} from '../../harness/namespaces/another-user.ts'
import {destroyAnswer} from '../../harness/processes/destroy.ts'
import {test} from '../declare.ts'
import {needs, notLinux} from '../needs.ts'

test('whether another user is there is read from the map of users', (t) => {
  t.true(isMapped('         0          0 4294967295\n', 65_534))
  t.false(
    isMapped('         0       1000          1\n', 65_534),
    'root alone, as unshare -Ur has it',
  )
  t.true(isMapped('0 1000 1\n1 100000 65536\n', 65_534))
  t.false(isMapped('', 65_534))
})

needs(process.platform === 'linux' ? undefined : notLinux, test)(
  'what a kernel cannot destroy is told by its number, which has two names',
  (t) => {
    t.is(destroyAnswer(0), 'destroyed')
    t.is(destroyAnswer(constants.errno.EOPNOTSUPP), 'EOPNOTSUPP')
    t.throws(() => destroyAnswer(constants.errno.EPERM), {code: 'EPERM'})
  },
)
