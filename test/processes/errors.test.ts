import {constants} from 'node:os'
import {errorFields} from '../../harness/processes/errors.ts'
import {systemError} from '../../harness/sockets/system-error.ts'
import {test} from '../declare.ts'

test('a system error travels with its code, call and the positive number of the system', (t) => {
  const number = constants.errno.EADDRINUSE
  t.deepEqual(errorFields(systemError('bind', number, {address: '::1', port: 80})), {
    code: 'EADDRINUSE',
    errno: number,
    syscall: 'bind',
    message: 'bind EADDRINUSE: address already in use ::1:80',
  })
})

test('of any other error only the message travels', (t) => {
  t.deepEqual(errorFields(new TypeError('wrong')), {message: 'wrong'})
  t.deepEqual(errorFields('just text'), {message: 'just text'})
})
