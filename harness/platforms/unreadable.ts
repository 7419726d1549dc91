/** Why a file of /proc could not be read, as a sentence without its end, with what to do about it. */
export function unreadable(file: string, error: unknown): Error {
  const {code, syscall, message} = error as NodeJS.ErrnoException
  const remedy: Record<string, string> = {
    EMFILE: 'too many open files; raise the limit (ulimit -n)',
    ENFILE: 'the system has too many open files',
    ENOENT: 'is /proc mounted?',
  }
  const why = remedy[code ?? '']
  return Object.assign(
    new Error(`${file} cannot be read (${code ?? message})${why === undefined ? '' : `: ${why}`}`),
    {code, syscall},
  )
}
