import {containerIn, publishersIn} from '../../harness/free/containers.ts'
import {isContainerRuntime, isEditor, isSession, programName} from '../../harness/free/names.ts'
import {test} from '../declare.ts'

test('a program is called by what a person typed', (t) => {
  t.is(programName('node /app/node_modules/.bin/nodemon --watch src server.js'), 'nodemon')
  t.is(programName('/usr/bin/node --enable-source-maps ./dist/server.mjs 3000'), 'server')
  t.is(programName('python3.12 -m http.server'), 'http.server')
  t.is(programName('nginx: master process nginx'), 'nginx')
  t.is(programName('/sbin/init'), 'init')
  t.is(programName('node'), 'node')
})

test('editors, logins and container runtimes are known by any of their names', (t) => {
  t.true(isEditor(['node', 'code'], 'code --type=utility'))
  t.true(isEditor(['node'], '/home/joe/.vscode-server/bin/1/node server-main.js'))
  t.true(isEditor(['Code Helper (Plugin)'], ''))
  t.false(isEditor(['node', 'encode'], 'node encode.js'))
  t.true(isSession(['sshd']))
  t.false(isSession(['ssh']))
  t.true(isContainerRuntime(['dockerd']))
  t.false(isContainerRuntime(['docker.js']))
})

test('who publishes a port is read from the list of a container runtime', (t) => {
  const list = [
    'web\t0.0.0.0:8080->80/tcp, [::]:8080->80/tcp',
    'ranges\t0.0.0.0:9000-9010->9000-9010/tcp',
    'udp\t0.0.0.0:8080->80/udp',
    'inner\t8080/tcp',
    'odd; name\t0.0.0.0:8080->80/tcp',
  ].join('\n')
  t.deepEqual(publishersIn(list, 8080), ['web'])
  t.deepEqual(publishersIn(list, 9005), ['ranges'])
  t.deepEqual(publishersIn(list, 80), [])
})

test('the container of a process is read from its control group', (t) => {
  const id = '0123456789ab'.padEnd(64, 'c')
  t.is(containerIn(`0::/system.slice/docker-${id}.scope`)?.stop, 'docker stop 0123456789ab')
  t.is(containerIn(`12:memory:/docker/${id}\n`)?.stop, 'docker stop 0123456789ab')
  t.is(containerIn(`0::/user.slice/libpod-${id}.scope`)?.stop, 'podman stop 0123456789ab')
  t.is(containerIn('0::/user.slice/user-1000.slice'), undefined)
})
