import {execFileSync} from 'node:child_process'
import {fileURLToPath} from 'node:url'

// Tests start the command line hundreds of times; compiled, as the package has it, it starts in half the time.
const tsc = fileURLToPath(new URL('node_modules/typescript/bin/tsc', import.meta.url))
const incremental = ['--incremental', '--tsBuildInfoFile', 'dist/.tsbuildinfo']
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', ...incremental], {
  cwd: new URL('.', import.meta.url),
  stdio: 'inherit',
})

/** These wait out what a kernel keeps, for a minute, and measure how long that is. */
const measures = '(full-run|commands.timing)\\.test\\.ts$'

/** What begins first: these, and then what takes long by itself, so that nothing is waited for alone at the end. */
const early = [
  measures,
  '(fuzz|package|html-browser|commands.run|interruption|namespaces)\\.test\\.ts$',
]
const rank = (file) => {
  const place = early.findIndex((names) => new RegExp(names).test(file))
  return place === -1 ? early.length : place
}

export default {
  extensions: {ts: 'module'},
  workerThreads: false,
  files: ['test/**/*.test.ts'],
  timeout: '3m',
  sortTestFiles: (one, other) => rank(one) - rank(other) || one.localeCompare(other),
  require: ['./test/tsx.js', ['./test/yield.js', measures]],
  // More than cores, because many wait for a server's end or a port's release.
  concurrency: 4,
}
