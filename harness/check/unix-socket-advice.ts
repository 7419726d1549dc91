import type {CheckDocument} from '../documents/check-schema.ts'
import {stopsWholeGroup} from './advice.ts'
import {processWords} from './problems.ts'
import {isSafeStart} from './safe.ts'

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
export function socketAdvice(document: CheckDocument): string[] {
  const {problem, socket, safe} = document
  if (problem !== undefined) {
    return [`${problem.remedy.charAt(0).toUpperCase()}${problem.remedy.slice(1)}.`]
  }
  const starts = socket?.starts ?? []
  const advice = [
    ...new Set([...starts.flatMap((start) => remedyOf(start)), ...slowExit(document)]),
  ]
  return safe && advice.length === 0
    ? [
        'Nothing to do: it gets its path back after a stop and after a crash, and a second instance ends.',
      ]
    : advice
}

function remedyOf(start: Start): string[] {
  const {situation, verdict, stopTimedOut = false, survivors = []} = start
  if (isSafeStart(start)) return []
  const listening = survivors.filter((survivor) => survivor.listening)
  if (listening.length > 0) {
    const who = listening.map(processWords).join(', ')
    return [
      `An old process is still running and listening: ${who}. It outlived the process that was stopped.`,
      stopsWholeGroup,
    ]
  }
  return [remedies[stopTimedOut ? 'killed' : situation][verdict] ?? []].flat()
}

function slowExit({stop, socket}: CheckDocument): string[] {
  if (socket?.starts.some(({stopTimedOut}) => stopTimedOut === true) !== true) return []
  const asked = stop === 'none' ? 'exit by itself' : `exit on ${stop}`
  return [
    `The server did not ${asked} in time, so SIGKILL had to follow, as under systemd and Docker: how it restarts after an orderly stop is unknown.`,
  ]
}
