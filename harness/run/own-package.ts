import * as nodeModule from 'node:module'
import {extname} from 'node:path'

interface Resolved {
  url: string
  shortCircuit?: boolean
}
type Resolve = (
  specifier: string,
  context: unknown,
  next: (specifier: string, context: unknown) => Resolved,
) => Resolved

/** Node 22.15 has this, and 26 warns of `register`, which is all that Node 20 has. */
const {registerHooks} = nodeModule as {registerHooks?: (hooks: {resolve: Resolve}) => void}

/** What `import 'rebind'` is to give: in the bundle as in the sources it lies one folder above this module. */
const entry = new URL(`../index${extname(import.meta.url)}`, import.meta.url).href

let isRegistered = false

/**
 * Makes `import 'rebind'` resolve to the running package wherever the importing file is: it may be in a folder
 * without the package, when that is installed globally or run by npx.
 */
export function resolveOwnPackage(): void {
  if (isRegistered) return
  isRegistered = true
  if (registerHooks !== undefined) {
    registerHooks({
      resolve: (specifier, context, next) =>
        specifier === 'rebind' ? {url: entry, shortCircuit: true} : next(specifier, context),
    })
    return
  }
  const hooks = `export const resolve = (specifier, context, next) =>
    specifier === 'rebind' ? {url: ${JSON.stringify(entry)}, shortCircuit: true} : next(specifier, context)`
  nodeModule.register(`data:text/javascript,${encodeURIComponent(hooks)}`)
}
