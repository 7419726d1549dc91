import type {Survey, Surveyed} from '../../documents/survey-schema.ts'
import type {TestCase} from './test-case.ts'

const statuses: Readonly<Record<Surveyed['status'], TestCase['status']>> = {
  measured: 'as-expected',
  'not-installed': 'skipped',
  skipped: 'skipped',
  failed: 'failed',
}

/** A case per server. A survey measures and does not judge: whatever was measured has passed. */
export function casesOfSurvey({host, servers}: Survey): TestCase[] {
  return servers.map(({id, status, reason, version, outageSeconds}) => ({
    name: id,
    group: `${host.stack}.survey`,
    status: statuses[status],
    reason: reason ?? status,
    seconds: outageSeconds ?? 0,
    seen: {version: version ?? '-'},
  }))
}
