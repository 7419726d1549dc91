import {constants} from 'node:os'
import {isSystemError, systemError} from '../../harness/sockets/system-error.ts'
import {test} from '../declare.ts'

test('an errno becomes an error with the code, text and fields of a Node error', (t) => {
  const number = constants.errno.EADDRINUSE
  const error = systemError('bind', number, {address: '127.0.0.1', port: 3000})
  t.is(error.message, 'bind EADDRINUSE: address already in use 127.0.0.1:3000')
  t.deepEqual(
    {...error},
    {code: 'EADDRINUSE', errno: -number, syscall: 'bind', address: '127.0.0.1', port: 3000},
  )
})

test('an error without an address ends with the text of its code', (t) => {
  t.is(systemError('socket', constants.errno.EMFILE).message, 'socket EMFILE: too many open files')
})

test('a number that Node does not know is still told', (t) => {
  const error = systemError('bind', 9999)
  t.is(error.code, 'E9999')
  t.is(error.message, 'bind E9999: unknown error')
})

test('only errors with a code and a system call count as system errors', (t) => {
  t.true(isSystemError(systemError('bind', constants.errno.EACCES)))
  t.false(isSystemError(Object.assign(new Error('no call'), {code: 'ERR_SOCKET_BAD_PORT'})))
  t.false(isSystemError(new Error('plain')))
  t.false(isSystemError({code: 'EADDRINUSE', syscall: 'bind'}))
})
