import {nginxConfiguration, type SurveyServer} from './servers.ts'

/** Answers with 204, and has nothing to show. */
const nodeServer = `import {createServer} from 'node:http'
createServer((request, response) => response.writeHead(204).end()).listen(process.env.PORT, '127.0.0.1')
`

/** The primary keeps the listening socket; a new worker listens before the old one is told to finish. */
const nodeCluster = `import cluster from 'node:cluster'
import {createServer} from 'node:http'

if (cluster.isPrimary) {
  for (let each = 0; each < 2; each++) cluster.fork()
  process.on('SIGHUP', () => {
    for (const old of Object.values(cluster.workers)) {
      cluster.fork().once('listening', () => old.disconnect())
    }
  })
} else {
  createServer((request, response) => response.writeHead(204).end()).listen(process.env.PORT, '127.0.0.1')
}
`

const bunServer = `Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT),
  fetch: () => new Response(null, {status: 204}),
})
`

const denoServer = `const port = Number(Deno.args[0])
Deno.serve({hostname: '127.0.0.1', port}, () => new Response(null, {status: 204}))
`

const wsgi = `def app(environ, start_response):
    start_response('204 No Content', [])
    return []
`

const asgi = `async def app(scope, receive, send):
    if scope['type'] == 'http':
        await send({'type': 'http.response.start', 'status': 204, 'headers': []})
        await send({'type': 'http.response.body', 'body': b''})
`

const haproxyConfiguration = `defaults
  mode http
  timeout client 10s
  timeout connect 1s
  timeout server 10s

frontend http
  bind 127.0.0.1:PORT
  http-request return status 200
`

const pm2Configuration = `module.exports = {
  apps: [{name: 'app', script: 'server.mjs', exec_mode: 'cluster', instances: 2}],
}
`

const viteConfiguration = `export default {root: 'www', server: {host: '127.0.0.1', strictPort: true}}
`

const emptyAnswer = {kind: 'empty-answer'} as const
const touch = (file: string) => () => ['touch', file]
/** Python keeps what it has compiled beside the program. */
const withoutCache = () => ({PYTHONDONTWRITEBYTECODE: '1'})
const hangUp = () => ['kill', '-HUP', '{pid}']

/** Adds what every one of these has that is a package of npm. */
function fromNpm(
  {name, version, script}: {name: string; version: string; script: string},
  server: Omit<SurveyServer, 'needs' | 'version' | 'npm' | 'command'> & {
    args: (port: number) => readonly string[]
  },
): SurveyServer {
  const {args, ...rest} = server
  return {
    ...rest,
    needs: ['node', 'npm', 'touch'],
    npm: [`${name}@${version}`],
    version: {args: ['-p', `'${version}'`], pattern: /(\S+)/},
    command: ({port}) => ['node', `node_modules/${name}/${script}`, ...args(port)],
  }
}

/** What restarts a server while its clients stay: watchers of files, and servers that reload. */
export const surveyWatchers: readonly SurveyServer[] = [
  {
    id: 'node-watch',
    title: 'node --watch',
    needs: ['node', 'touch'],
    version: {args: ['--version'], pattern: /v(\S+)/},
    files: {'server.mjs': nodeServer},
    command: () => ['node', '--watch', 'server.mjs'],
    trigger: touch('server.mjs'),
    defence: emptyAnswer,
  },
  {
    id: 'cluster',
    title: 'node:cluster, workers one by one',
    needs: ['node', 'kill'],
    version: {args: ['--version'], pattern: /v(\S+)/},
    files: {'server.mjs': nodeCluster},
    command: () => ['node', 'server.mjs'],
    trigger: hangUp,
    defence: emptyAnswer,
  },
  {
    id: 'bun-watch',
    title: 'bun --watch',
    needs: ['bun', 'touch'],
    version: {args: ['--version'], pattern: /(\S+)/},
    files: {'server.ts': bunServer},
    command: () => ['bun', '--watch', 'server.ts'],
    trigger: touch('server.ts'),
    defence: emptyAnswer,
  },
  {
    id: 'deno-watch',
    title: 'deno run --watch',
    needs: ['deno', 'touch'],
    version: {args: ['--version'], pattern: /deno (\S+)/},
    files: {'server.ts': denoServer},
    command: ({port}) => ['deno', 'run', '--watch', '--allow-net', 'server.ts', String(port)],
    trigger: touch('server.ts'),
    defence: emptyAnswer,
  },
  {
    id: 'uvicorn-reload',
    title: 'uvicorn --reload',
    needs: ['uvicorn', 'touch'],
    version: {args: ['--version'], pattern: /uvicorn (\S+)/},
    files: {'app.py': asgi},
    command: ({port}) => [
      ...['uvicorn', '--reload', '--host', '127.0.0.1', '--port', String(port)],
      ...['--no-server-header', '--log-level', 'warning', 'app:app'],
    ],
    env: withoutCache,
    trigger: touch('app.py'),
    defence: emptyAnswer,
  },
  {
    id: 'gunicorn',
    title: 'gunicorn, SIGHUP',
    needs: ['gunicorn', 'kill'],
    version: {args: ['--version'], pattern: /version (\d[\w.]*)/},
    files: {'app.py': wsgi},
    command: ({port}) => ['gunicorn', '-w', '2', '-b', `127.0.0.1:${port}`, 'app:app'],
    env: withoutCache,
    trigger: hangUp,
    defence: emptyAnswer,
  },
  {
    id: 'php-s',
    title: 'php -S',
    needs: ['php'],
    version: {args: ['--version'], pattern: /PHP (\S+)/},
    command: ({port}) => ['php', '-n', '-S', `127.0.0.1:${port}`, '-t', 'www'],
    needless: 'it reads its files again for each request, so nothing has to restart',
    defence: {kind: 'empty-folder', folder: 'www'},
  },
  {
    id: 'nginx-reload',
    title: 'nginx -s reload',
    needs: ['nginx', 'kill'],
    version: {args: ['-v'], pattern: /nginx\/(\S+)/},
    files: {'nginx.conf': `worker_processes 2;\n${nginxConfiguration}`},
    command: ({folder}) => ['nginx', '-p', folder, '-e', 'stderr', '-c', 'nginx.conf'],
    // What `nginx -s reload` sends.
    trigger: hangUp,
    defence: emptyAnswer,
  },
  {
    id: 'haproxy-reload',
    title: 'haproxy -W, SIGUSR2',
    needs: ['haproxy', 'kill'],
    version: {args: ['-v'], pattern: /version (\d\S*)/},
    files: {'haproxy.cfg': haproxyConfiguration},
    command: () => ['haproxy', '-W', '-f', 'haproxy.cfg'],
    trigger: () => ['kill', '-USR2', '{pid}'],
    defence: emptyAnswer,
  },
  fromNpm(
    {name: 'nodemon', version: '3.1.14', script: 'bin/nodemon.js'},
    {
      ...{id: 'nodemon', title: 'nodemon', files: {'server.mjs': nodeServer}},
      args: () => ['server.mjs'],
      ...{trigger: touch('server.mjs'), defence: emptyAnswer},
    },
  ),
  fromNpm(
    {name: 'tsx', version: '4.23.15', script: 'dist/cli.mjs'},
    {
      ...{id: 'tsx-watch', title: 'tsx watch', files: {'server.ts': nodeServer}},
      args: () => ['watch', 'server.ts'],
      ...{trigger: touch('server.ts'), defence: emptyAnswer},
    },
  ),
  fromNpm(
    {name: 'vite', version: '8.3.8', script: 'bin/vite.js'},
    {
      id: 'vite',
      title: 'vite, a changed configuration',
      files: {'vite.config.mjs': viteConfiguration},
      args: (port) => ['--config', 'vite.config.mjs', '--port', String(port)],
      trigger: touch('vite.config.mjs'),
      defence: {kind: 'empty-folder', folder: 'www'},
    },
  ),
  fromNpm(
    {name: 'pm2', version: '7.0.4', script: 'bin/pm2-runtime'},
    {
      id: 'pm2-reload',
      title: 'pm2 reload, cluster mode',
      files: {'server.mjs': nodeServer, 'ecosystem.config.cjs': pm2Configuration},
      args: () => ['start', 'ecosystem.config.cjs'],
      // Not the daemon of whoever runs the survey.
      env: ({folder}) => ({PM2_HOME: folder}),
      trigger: () => ['node', 'node_modules/pm2/bin/pm2', 'reload', 'app'],
      defence: emptyAnswer,
    },
  ),
]
