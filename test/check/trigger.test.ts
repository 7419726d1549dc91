import type {FilledReloadOptions} from '../../harness/check/reload-options.ts'
import type {ServerHost, ServerStart} from '../../harness/check/server.ts'
import {runTriggers, type Stage} from '../../harness/check/trigger.ts'
import {test} from '../declare.ts'

/** What becomes of a trigger that does not end, if the system refuses to send it a signal. */
async function endless(code: 'EPERM' | 'ESRCH') {
  const start = {pid: 4242, ended: new Promise(() => undefined)} as unknown as ServerStart
  const host = {
    start: () => Promise.resolve(start),
    signal: () => Promise.reject(Object.assign(new Error(`kill ${code}`), {code})),
    commandOf: () => 'sudo',
  } as unknown as ServerHost
  const options = {
    ...{port: 80, cwd: '.', triggers: [['sudo', 'restart']], triggerTimeoutSeconds: 0.01},
  } as unknown as FilledReloadOptions
  const {signal} = new AbortController()
  const stage = {host, options, signal, server: undefined} as unknown as Stage
  return runTriggers(stage, () => undefined)
}

test('a trigger of another user, who may not be sent a signal, is said to run on', async (t) => {
  const problem = await endless('EPERM')
  t.is(problem?.kind, 'trigger-failed')
  t.regex(
    problem?.remedy ?? '',
    /this one still runs, as another user: end it with sudo kill 4242$/,
  )
})

test('one that has just ended is not', async (t) => {
  const problem = await endless('ESRCH')
  t.is(problem?.kind, 'trigger-failed')
  t.notRegex(problem?.remedy ?? '', /still runs/)
})
