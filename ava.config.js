import {compile} from './test/compile.js'

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
  // They are modules; but only what is required can be replaced by what is compiled of it.
  extensions: {ts: 'commonjs'},
  workerThreads: false,
  files: ['test/**/*.test.ts'],
  timeout: '3m',
  sortTestFiles: (one, other) => rank(one) - rank(other) || one.localeCompare(other),
  require: [
    ['./test/compiled.js', await compile()],
    ['./test/yield.js', measures],
  ],
  // More than cores, because many wait for a server's end or a port's release.
  concurrency: 4,
}
