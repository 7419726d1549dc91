import {createRequire} from 'node:module'

/** The version of this package, which is found by its own name from the sources and from the compiled files alike. */
export const {version} = createRequire(import.meta.url)('rebind/package.json') as {version: string}
