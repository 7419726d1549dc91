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
const isMeasuring = (file) => new RegExp(measures).test(file)

export default {
  extensions: {ts: 'module'},
  nodeArguments: ['--import=tsx'],
  workerThreads: false,
  files: ['test/**/*.test.ts'],
  timeout: '3m',
  // First, so that all others run while these wait, and before all others.
  sortTestFiles: (one, other) => isMeasuring(other) - isMeasuring(one),
  require: [['./test/yield.js', measures]],
  // More than cores, because many wait for a server's end or a port's release.
  concurrency: 4,
}
