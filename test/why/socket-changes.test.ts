import type {SocketEntry} from '../../harness/platforms/socket-table.ts'
import {followSockets} from '../../harness/why/socket-changes.ts'
import {test} from '../declare.ts'

const local = {address: '127.0.0.1', port: 8080}

function connection(state: SocketEntry['state'], port: number): SocketEntry {
  return {state, local, remote: {address: '127.0.0.1', port}, expiresInSeconds: null}
}

function listener(inode: number): SocketEntry {
  const remote = {address: '0.0.0.0', port: 0}
  return {state: 'LISTEN', local, remote, expiresInSeconds: null, inode}
}

test('each reading tells what has come, changed and gone since the one before', (t) => {
  const follow = followSockets()
  const first = [listener(7), connection('ESTABLISHED', 50_001)]
  t.deepEqual(
    follow(first).map(({change}) => change),
    ['appeared', 'appeared'],
  )
  t.deepEqual(follow(first), [])
  const timeWait = connection('TIME_WAIT', 50_001)
  t.deepEqual(follow([timeWait]), [
    {change: 'changed', entry: timeWait, was: 'ESTABLISHED'},
    {change: 'gone', entry: listener(7)},
  ])
  t.deepEqual(follow([]), [{change: 'gone', entry: timeWait}])
})

test('two listeners that share a port are two sockets', (t) => {
  const follow = followSockets()
  t.is(follow([listener(7), listener(8)]).length, 2)
  t.deepEqual(follow([listener(8)]), [{change: 'gone', entry: listener(7)}])
})
