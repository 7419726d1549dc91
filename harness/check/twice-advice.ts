import type {CheckDocument} from '../documents/check-schema.ts'
import type {SecondVerdict} from './twice.ts'

const remedies: Readonly<Record<Exclude<SecondVerdict, 'refuses'>, string>> = {
  moves:
    'Whoever starts it twice by mistake gets two servers, and the second is found by nobody. Make it fail instead (strictPort, or an error handler that exits with a message).',
  shares:
    'Both listen, and each client gets one or the other, e.g. an old version. Unless that is meant, leave SO_REUSEPORT out (reusePort, reuse_port), so that the second one is refused.',
  hijacks:
    'The first server runs on and gets no client any more, or was ended. Make the second one fail: let it listen without SO_REUSEPORT, and on the same address as the first.',
  hangs:
    'It runs without a server, and whatever watches over it believes that all is well. Let an error of listen end the process with a status other than 0.',
}

/** What to do, a sentence each. */
export function twiceAdvice({problem, twice = []}: CheckDocument): string[] {
  if (problem !== undefined) {
    return [`${problem.remedy.charAt(0).toUpperCase()}${problem.remedy.slice(1)}.`]
  }
  const verdicts = [...new Set(twice.map(({verdict}) => verdict))]
  const quiet = twice.some(({verdict, status}) => verdict === 'refuses' && status === 0)
  const silent = twice.some(({verdict, lines}) => verdict === 'refuses' && lines.length === 0)
  return [
    ...verdicts.flatMap((verdict) => (verdict === 'refuses' ? [] : [remedies[verdict]])),
    ...(quiet
      ? ['The second one ends with status 0, which reads as if all were well; use another.']
      : []),
    ...(silent ? ['The second one ends without a word; write why, on stderr.'] : []),
    ...(verdicts.every((verdict) => verdict === 'refuses') && !quiet && !silent
      ? ['Nothing to do: a second instance ends at once, and says why.']
      : []),
  ]
}
