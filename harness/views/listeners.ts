import type {Listener, Listeners} from '../documents/listeners-schema.ts'
import {counted} from '../documents/words.ts'
import type {Text, View} from '../render/model.ts'
import {endWords} from '../why/words.ts'
import {parentWords, startWords} from './processes.ts'

/** All listening sockets of a machine: whose they are, since when, and who started them. */
export function listenersView({listeners, unseen}: Listeners): View {
  const title = 'Listening sockets'
  const columns = ['address', 'process', 'started', 'folder', 'started by']
  return {
    heading: listeners.length === 0 ? 'Nothing listens.' : counted(listeners.length, 'listener'),
    blocks: [
      {
        ...{kind: 'section', title},
        blocks: [{kind: 'table', label: title, columns, rows: listeners.map(row), stacked: true}],
      },
      {kind: 'section', title: 'Not seen', blocks: [{kind: 'list', items: unseen}]},
    ],
    file: 'the JSON (--json)',
  }
}

function row({local, pid, command, user, pids, cwd, startedAt, parents}: Listener): Text[] {
  const others = pids.length > 1 ? ` and ${pids.length - 1} more` : ''
  const who: Text =
    pid === null
      ? `not visible${user === null ? '' : ` (user ${user})`}`
      : [`${pid} ${user ?? ''} `, {short: command ?? ''}, others]
  return [endWords(local), who, startWords(startedAt), cwd ?? '-', parentWords(parents)]
}
