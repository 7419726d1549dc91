import {portIn} from '../../harness/wrap/port-of-command.ts'
import {test} from '../declare.ts'

const commands: [command: string[], port: number | null, env?: NodeJS.ProcessEnv][] = [
  [['python3', '-m', 'http.server', '8000'], 8000],
  [['java', '-Xmx512m', '-Dserver.port=8080', '-jar', 'server.jar'], 8080],
  [['gunicorn', '--bind', '127.0.0.1:8000', '--workers', '4', 'app'], 8000],
  [['node', 'server.js', '--port=3000'], 3000],
  [['node', 'server.js', '--port', '3000', '--admin', '3001'], null],
  [['node', 'server.js'], null],
  [['node', 'server.js'], 5000, {PORT: '5000'}],
  [['node', 'server.js', '3000'], 5000, {PORT: '5000'}],
  [['node', 'server.js'], null, {PORT: 'any'}],
  [['node', 'server.js', '99999'], null],
]
for (const [command, port, env = {}] of commands) {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value} `)
  test(`${variables.join('')}${command.join(' ')}: ${port ?? 'unknown'}`, (t) => {
    t.is(portIn(command, env), port)
  })
}
