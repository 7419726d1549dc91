import {containerIn, publishersIn} from '../../harness/why/containers.ts'
import {
  editorIn,
  isContainerRuntime,
  isPm2,
  isSession,
  programName,
  programOf,
} from '../../harness/why/names.ts'
import {test} from '../declare.ts'

test('a program is called by what a person typed', (t) => {
  t.is(programName('node /app/node_modules/.bin/nodemon --watch src server.js'), 'nodemon')
  t.is(programName('/usr/bin/node --enable-source-maps ./dist/server.mjs 3000'), 'server')
  t.is(programName('python3.12 -m http.server'), 'http.server')
  t.is(programName('nginx: master process nginx'), 'nginx')
  t.is(programName('/sbin/init'), 'init')
  t.is(programName('node'), 'node')
})

const folder = '/home/joe/.vscode-server'
const python = '/usr/bin/python3'
const debugpy = `${folder}/extensions/ms-python.debugpy-1/bundled/libs/debugpy`

/** The program's file, and its command line. */
const known: [what: string | undefined, file: string | undefined, words: string[]][] = [
  ['code', '/usr/share/code/code', ['code', '--type=utility']],
  ['code', '/usr/share/code/code (deleted)', ['fleet']],
  ['code', '/usr/bin/node', ['/opt/bin/code']],
  ['vim.basic', '/usr/bin/vim.basic', ['vim', 'notes']],
  ['micro', '/usr/bin/micro', ['micro']],
  ['emacs', undefined, ['emacs']],
  [
    '.vscode-server',
    `${folder}/bin/1/node`,
    [`${folder}/bin/1/node`, `${folder}/bin/1/out/main.js`],
  ],
  ['.vscode-server', `${folder}/extensions/rust-1/analyzer`, ['analyzer']],
  [
    'code-server',
    '/usr/lib/code-server/lib/node',
    ['/usr/lib/code-server/lib/node', '/usr/lib/code-server'],
  ],
  ['code-server', '/usr/bin/node', ['node', '/opt/node_modules/code-server/out/node/entry.js']],
  [
    'a JetBrains IDE',
    '/opt/idea/jbr/bin/java',
    ['java', '-Xmx1g', '-cp', '/a.jar:/b.jar', 'com.intellij.idea.Main'],
  ],
  [
    'Code Helper (Plugin)',
    undefined,
    '/Applications/Visual Studio Code.app/Contents/Frameworks/Code Helper (Plugin).app/Contents/MacOS/Code Helper (Plugin) --type=utility'.split(
      ' ',
    ),
  ],
  // What a server calls itself, what it is started with, and what is debugged.
  [undefined, '/usr/bin/node', ['fleet']],
  [undefined, '/usr/bin/node', ['micro', 'code']],
  [undefined, '/usr/bin/node', ['node', '/app/node_modules/.bin/micro']],
  [undefined, '/usr/bin/node', ['node', '/app/fleet.js']],
  [undefined, '/usr/bin/node', ['node', '/app/encode', `${folder}/bin/1/out/main.js`]],
  [undefined, python, [python, debugpy, '--connect', '127.0.0.1:5678', '/app/server.py']],
  [undefined, '/usr/bin/java', ['java', '-jar', 'app.jar', 'com.intellij.idea.Main']],
  [undefined, '/usr/bin/java', ['java', '-cp', '/home/joe/code-server-plugin.jar', 'org.Server']],
]

for (const [name, file, words] of known) {
  const what = name === undefined ? 'does not look like an editor' : `looks like ${name}`
  test(`${file ?? 'an unknown file'} as ${words.join(' ')} ${what}`, (t) => {
    t.is(editorIn(programOf(file, words)), name)
  })
}

test('logins, desktops and container runtimes are known by their files', (t) => {
  const sessions = ['/usr/sbin/sshd', '/usr/bin/tmux', '/usr/bin/Xtigervnc', '/usr/sbin/xrdp']
  for (const file of [...sessions, '/usr/bin/Xvnc', '/usr/bin/x11vnc', '/usr/bin/ttyd']) {
    t.true(isSession(programOf(file, [])), file)
  }
  t.true(isSession(programOf(undefined, ['sshd: joe [priv]'])))
  t.false(isSession(programOf('/usr/bin/ssh', ['ssh'])))
  t.false(isSession(programOf('/usr/bin/node', ['login'])))
  t.true(isContainerRuntime(programOf('/usr/bin/dockerd', ['dockerd'])))
  t.false(isContainerRuntime(programOf('/usr/bin/node', ['node', 'docker.js'])))
})

test("PM2's daemon is known by what it calls itself, and its apps are not it", (t) => {
  t.true(isPm2('PM2 v7.0.4: God Daemon (/root/.pm2)'))
  t.false(isPm2('node /app/PM2 v7.0.4: God Daemon (/root/.pm2)'))
  t.false(isPm2('node /app/server.js'))
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

test('a container that we are in, too, is not one to stop', (t) => {
  const [outer, inner] = ['aaaaaaaaaaaa', 'bbbbbbbbbbbb'].map((id) => id.padEnd(64, 'c'))
  const own = `0::/docker/${outer}\n`
  t.is(containerIn(own, own), undefined)
  t.is(containerIn(own, '0::/user.slice\n')?.stop, 'docker stop aaaaaaaaaaaa')
  t.is(containerIn(`0::/docker/${outer}/docker/${inner}\n`, own)?.stop, 'docker stop bbbbbbbbbbbb')
})
