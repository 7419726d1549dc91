import {compile} from './test/compile.js'

/** These wait out what a kernel keeps, for a minute, and measure how long that is. */
const measures = '(full-run|commands.timing)\\.test\\.ts$'

/** What begins first: these, and then what takes long by itself, so that nothing is waited for alone at the end. */
const early = [
  measures,
  '(fuzz|shared-process|package|html-browser|commands.run|interruption|namespaces)\\.test\\.ts$',
]
const rank = (file) => {
  const place = early.findIndex((names) => new RegExp(names).test(file))
  return place === -1 ? early.length : place
}

/*
 * Node parses this file of certificates whenever it starts, which takes it longer than the rest of its start, and
 * the tests start some two thousand processes. Only npm connects to a server by TLS; test/package/ gives it back.
 */
const certificates = process.env.NODE_EXTRA_CA_CERTS
delete process.env.NODE_EXTRA_CA_CERTS

const {folder, sharedProcess, sharing} = await compile()
/** `npm test` of everything; a file that somebody names is run by itself. */
const isShared = process.env.REBIND_TEST_SHARED_PROCESS === '1'
const elsewhere = isShared ? sharing : [sharedProcess]

export default {
  // They are modules; but only what is required can be replaced by what is compiled of it.
  extensions: {ts: 'commonjs'},
  workerThreads: false,
  files: ['test/**/*.test.ts', ...elsewhere.map((file) => `!${file}`)],
  timeout: '3m',
  environmentVariables: certificates === undefined ? {} : {REBIND_TEST_CA_CERTS: certificates},
  sortTestFiles: (one, other) => rank(one) - rank(other) || one.localeCompare(other),
  require: [
    ['./test/compiled.js', folder],
    ['./test/yield.js', measures],
  ],
  // More than cores, because many wait for a server's end or a port's release.
  concurrency: 4,
}
