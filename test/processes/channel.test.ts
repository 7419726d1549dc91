import {type Channel, openChannel} from '../../harness/processes/channel.ts'
import type {Notice} from '../../harness/processes/protocol.ts'
import {test} from '../declare.ts'

interface Sent {
  id: number
  actor: number
  request: string
}

/** A channel whose other end is this test. */
function openedChannel() {
  const sent: Sent[] = []
  const notices: [actor: number, notice: Notice][] = []
  const nonsense: unknown[] = []
  const heard: number[] = []
  let broken: Error | null = null
  const channel: Channel = openChannel(
    {
      send: (message, _connection, told) => {
        sent.push(message as Sent)
        told(broken)
      },
    },
    {
      onNotice: (actor, notice) => notices.push([actor, notice]) > 0,
      onHeard: (actor) => heard.push(actor),
      onNonsense: (message) => nonsense.push(message),
      onBroken: (fail) => fail(new Error('the process has ended')),
    },
  )
  return {
    channel,
    sent,
    notices,
    nonsense,
    heard,
    breakDown: () => {
      broken = new Error('EPIPE')
    },
  }
}

const client = {actor: 3, role: 'client'}
const other = {actor: 4, role: 'client'}
const bracket = {from: 1, to: 2}

test('answers find their requests by number, in whichever order they come', async (t) => {
  const {channel, sent} = openedChannel()
  const answers = [channel.request(client, 'close', null), channel.request(other, 'abort', null)]
  const [first, second] = sent.map(({id}) => id)
  channel.receive({answerTo: second, result: {from: 3, to: 4}})
  channel.receive({answerTo: first, result: bracket})
  t.deepEqual(await Promise.all(answers), [bracket, {from: 3, to: 4}])
})

test("a process's error is rejected with its fields", async (t) => {
  const {channel, sent} = openedChannel()
  const answer = channel.request(client, 'close', null)
  const error = {code: 'ECONNRESET', errno: 104, syscall: 'read', message: 'read ECONNRESET'}
  channel.receive({answerTo: sent[0]?.id, error})
  t.like(await t.throwsAsync(answer), error)
})

test('a result of another shape, an answer to nothing and what is no message are nonsense', (t) => {
  const {channel, sent, nonsense} = openedChannel()
  channel.request(client, 'close', null).catch(() => undefined)
  const strange = [
    {answerTo: sent[0]?.id, result: 'done'},
    {answerTo: 99, result: bracket},
    null,
    {},
  ]
  for (const message of strange) channel.receive(message)
  t.deepEqual(nonsense, strange)
})

test('notices come with the number of their actor', (t) => {
  const {channel, notices} = openedChannel()
  channel.receive({actor: 4, tells: {notice: 'attempts', attempts: []}})
  t.deepEqual(notices, [[4, {notice: 'attempts', attempts: []}]])
})

test("one actor's requests fail, and the others' go on", async (t) => {
  const {channel, sent} = openedChannel()
  const failing = channel.request(client, 'close', null)
  const lasting = channel.request(other, 'close', null)
  channel.fail(new Error('it has left'), client.actor)
  await t.throwsAsync(failing, {message: 'it has left'})
  channel.receive({answerTo: sent[1]?.id, result: bracket})
  t.deepEqual(await lasting, bracket)
})

test('what cannot be sent fails with how the process ended', async (t) => {
  const {channel, breakDown} = openedChannel()
  breakDown()
  await t.throwsAsync(channel.request(client, 'close', null), {message: 'the process has ended'})
})

test('who owes an answer is known, and when each was last heard of', (t) => {
  const {channel, sent, heard} = openedChannel()
  t.deepEqual([...channel.owing()], [])
  channel.request(client, 'close', null).catch(() => undefined)
  channel.request(other, 'close', null).catch(() => undefined)
  t.deepEqual([...channel.owing()], [client.actor, other.actor])
  channel.receive({actor: other.actor, tells: {notice: 'attempts', attempts: []}})
  channel.receive({answerTo: sent[0]?.id, result: bracket})
  t.deepEqual([...channel.owing()], [other.actor])
  t.deepEqual(heard, [client.actor, other.actor, other.actor, client.actor])
})
