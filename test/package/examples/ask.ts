import {watchUntilFree, why} from 'rebind'

const {bindable, causes, freeInSeconds} = await why(3000, {host: '127.0.0.1'})
if (bindable === false) {
  for (const {kind, text} of causes) process.stderr.write(`${kind}: ${text}\n`)
  // Null if it does not become free by itself.
  if (freeInSeconds !== null) await watchUntilFree(3000, {timeoutSeconds: freeInSeconds + 5})
}
