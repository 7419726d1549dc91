/** What was opened on the way, closed in reverse, however far one came. */
export interface Closers {
  add(close: () => void | Promise<void>): void
  close(): Promise<void>
}

export function openClosers(): Closers {
  const stack: (() => void | Promise<void>)[] = []
  return {
    add: (close) => void stack.push(close),
    async close() {
      for (let close = stack.pop(); close !== undefined; close = stack.pop()) await close()
    },
  }
}
