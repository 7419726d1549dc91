import './registry.ts'
import test from 'ava'
import {runSurvey} from '../../harness/survey/survey.ts'
import {surveyWatchers} from '../../harness/survey/watchers.ts'
import {needs} from '../needs.ts'
import {serverProblem} from './available.ts'

/** Each of these takes over from the old one before that stops. */
const lossless = ['cluster', 'nginx-reload', 'gunicorn', 'haproxy-reload']

const fromRegistry =
  process.env.REBIND_TEST_NPM === undefined
    ? 'installs packages of the npm registry; REBIND_TEST_NPM=1'
    : undefined

for (const watcher of surveyWatchers.filter(({needless}) => needless === undefined)) {
  const problem = serverProblem(watcher) ?? (watcher.npm === undefined ? undefined : fromRegistry)
  needs(problem, test.serial)(`${watcher.title} is seen to restart its server`, async (t) => {
    const [result] = await runSurvey({
      ...{servers: [watcher], limitSeconds: 30, withNpm: true},
      signal: new AbortController().signal,
      listeners: () => ({}),
    })
    // On a machine that is too slow a gap may be missed, which the check says; what it has seen it has seen.
    const isSlow = result?.check?.problem?.kind === 'too-slow'
    t.true(result?.reason === undefined || isSlow, result?.reason)
    const {trigger, traffic, losses, lossless: without} = result?.check ?? {}
    t.true(trigger?.reloaded)
    t.is(trigger?.generations.length, 2)
    t.true((traffic?.new.answered ?? 0) > 0)
    if (lossless.includes(watcher.id)) t.deepEqual([losses, without], [[], true])
  })
}

test('what would have to be installed is skipped, and so is what never restarts', async (t) => {
  const servers = surveyWatchers.filter(
    ({npm, needless}) => npm !== undefined || needless !== undefined,
  )
  const results = await runSurvey({
    ...{servers, limitSeconds: 30, signal: new AbortController().signal},
    listeners: () => ({}),
  })
  for (const {id, status, reason, restarts} of results) {
    t.is(status, 'skipped')
    t.is(restarts, 'by-itself')
    t.regex(reason ?? '', id === 'php-s' ? /again for each request/ : /--with-npm/)
  }
})
