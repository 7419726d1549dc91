const explained: Record<string, string> = {
  EMFILE: '(EMFILE: too many open files); raise the limit (ulimit -n)',
  ENFILE: '(ENFILE: the system has too many open files)',
  ENOENT: '(ENOENT); check that /proc is mounted',
}

/** Says why a file of /proc could not be read and what to do about it; a sentence without its end. */
export function unreadable(file: string, error: unknown): Error {
  const {code, syscall, message} = error as NodeJS.ErrnoException
  const why = explained[code ?? ''] ?? `(${code ?? message})`
  return Object.assign(new Error(`${file} cannot be read ${why}`), {code, syscall})
}
