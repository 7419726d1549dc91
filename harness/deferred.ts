export interface Deferred<Value> {
  promise: Promise<Value>
  resolve(value: Value): void
  reject(error: Error): void
}

/** Promise.withResolvers, which Node 20 lacks. Nobody has to be waiting when it is rejected. */
export function deferred<Value>(): Deferred<Value> {
  let resolve!: (value: Value) => void
  let reject!: (error: Error) => void
  const promise = new Promise<Value>((yes, no) => {
    resolve = yes
    reject = no
  })
  promise.catch(() => undefined)
  return {promise, resolve, reject}
}
