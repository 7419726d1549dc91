import {portIn} from '../../harness/wrap/port-of-command.ts'
import {test} from '../declare.ts'

const commands: [command: string[], port: number | null, env?: NodeJS.ProcessEnv][] = [
  [['python3', '-m', 'http.server', '8000'], 8000],
  [['java', '-Xmx512m', '-Dserver.port=8080', '-jar', 'server.jar'], 8080],
  [['gunicorn', '--bind', '127.0.0.1:8000', '--workers', '4', 'app'], 8000],
  [['node', 'server.js', '--port=3000'], 3000],
  [['node', 'server.js', '--port', '3000', '--limit', '3001'], 3000],
  [['node', 'server.js', '--port', '3000', '--admin-port', '3001'], null],
  [['server', '-p', '80'], 80],
  [['server', '--httpPort=8080'], 8080],
  [['server', '--listen', '[::1]:8080'], 8080],
  [['server', 'http://localhost:8080/'], 8080],
  [['env', 'HTTP_PORT=8080', 'server'], 8080],
  [['timeout', '60', 'java', '-jar', 'server.jar'], null],
  [['timeout', '6000', 'java', '-jar', 'server.jar'], null],
  [['gunicorn', '--workers', '16', '--timeout', '1200', 'app'], null],
  [['server', '--report=5000', '--max-old-space-size=2048'], null],
  [['server', '80'], null],
  [['docker', 'run', '--publish', '8080:80', 'image'], null],
  [['node', 'server.js'], null],
  [['node', 'server.js'], 5000, {PORT: '5000'}],
  [['node', 'server.js', '3000'], 5000, {PORT: '5000'}],
  [['node', 'server.js'], null, {PORT: 'any'}],
  [['node', 'server.js', '99999'], null],
]
for (const [command, port, env = {}] of commands) {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value} `)
  test(`${variables.join('')}${command.join(' ')}: ${port ?? 'unknown'}`, (t) => {
    t.is(portIn(command, env)?.port ?? null, port)
  })
}
