import {createRequire} from 'node:module'
import {join, relative} from 'node:path'
import {fileURLToPath, pathToFileURL} from 'node:url'

const tests = fileURLToPath(new URL('.', import.meta.url))

/**
 * Lets AVA run what is compiled of a test file already: a TypeScript loader in each of more than a hundred
 * processes took as long as most of the tests. AVA awaits what is required, and so the module.
 */
export default function runCompiled(folder) {
  const {extensions} = createRequire(import.meta.url)
  extensions['.ts'] = (module, file) => {
    // Only for this one file: tests load TypeScript themselves.
    delete extensions['.ts']
    const compiled = join(folder, relative(tests, file).replace(/\.ts$/, '.js'))
    module.exports = import(pathToFileURL(compiled).href)
  }
}
