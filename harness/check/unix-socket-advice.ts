import type {CheckDocument} from '../documents/check-schema.ts'

type Start = NonNullable<CheckDocument['socket']>['starts'][number]

/** What to do about each, by when it was started and what became of it. */
const remedies: Readonly<Record<Start['situation'], Partial<Record<Start['verdict'], string>>>> = {
  stopped: {
    refused:
      'The file is still there after an orderly stop. Close the server when it is told to stop: server.close() of Node and Listener.Close() of Go remove the file; in Python and C, unlink the path after close().',
    hangs: 'After a stop it runs, and does not listen: let an error of listen end the process.',
  },
  killed: {
    refused:
      'A crash leaves the file, and the next start is refused. When bind says EADDRINUSE, connect to the path: only if that is refused (ECONNREFUSED) does nobody listen, and the file may be removed before the second try.',
    hangs: 'After a crash it runs, and does not listen: let an error of listen end the process.',
  },
  beside: {
    'takes-over':
      'A second instance removes the path of the first one, which runs on and gets no client any more. Before unlink, connect to the path, and end if somebody answers; or hold a lock file (flock) beside it.',
    hangs:
      'A second instance runs without listening, and whatever watches over it believes that all is well. Let an error of listen end the process.',
  },
}

/** What to do, a sentence each. */
export function socketAdvice({problem, socket, safe}: CheckDocument): string[] {
  if (problem !== undefined) {
    return [`${problem.remedy.charAt(0).toUpperCase()}${problem.remedy.slice(1)}.`]
  }
  if (safe) {
    return [
      'Nothing to do: it gets its path back after a stop and after a crash, and a second instance ends.',
    ]
  }
  return (socket?.starts ?? []).flatMap(
    ({situation, verdict}) => remedies[situation][verdict] ?? [],
  )
}
