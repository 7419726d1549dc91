import {stripVTControlCharacters} from 'node:util'
import type {WhyPort} from '../../harness/documents/why-schema.ts'
import {renderForTerminal} from '../../harness/render/terminal.ts'
import {whyView} from '../../harness/views/why.ts'
import {test} from '../declare.ts'

function timeWait(remote: number, expiresInSeconds: number) {
  return {
    state: 'TIME_WAIT' as const,
    local: {address: '127.0.0.1', port: 8088},
    remote: {address: '127.0.0.1', port: remote},
    expiresInSeconds,
    pid: null,
    command: null,
  }
}

/** What is said of these sockets, and nothing else is known. */
function rendered(sockets: WhyPort['sockets']): string {
  const answer = {port: 8088, bindable: null, sockets, bind: [], causes: [], advice: [], unseen: []}
  return stripVTControlCharacters(renderForTerminal(whyView(answer as unknown as WhyPort), 80))
}

test('a few sockets are listed', (t) => {
  const text = rendered([timeWait(40_001, 51.25), timeWait(40_002, 52)])
  t.regex(text, /TIME_WAIT +127\.0\.0\.1:8088 +127\.0\.0\.1:40001 +51\.3 s +none/)
})

test('many are counted by state, those that were only counted with them', (t) => {
  const sockets = Array.from({length: 20}, (_, index) => timeWait(40_000 + index, 50 + index))
  t.regex(rendered(sockets), /^- 20 TIME_WAIT, timers 50\.0 to 69\.0 s$/m)
  const last = {...timeWait(50_000, 80), more: {count: 99_979, firstExpiresInSeconds: 20.04}}
  t.regex(rendered([...sockets, last]), /^- 100000 TIME_WAIT, timers 20\.0 to 80\.0 s$/m)
})
