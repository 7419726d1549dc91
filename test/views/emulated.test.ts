import type {Timing} from '../../harness/documents/timing-schema.ts'
import {renderAsMarkdown} from '../../harness/render/markdown.ts'
import {reportView} from '../../harness/views/report.ts'
import {timingView} from '../../harness/views/timing.ts'
import {test} from '../declare.ts'
import {realDocuments, recordedReport} from '../documents/documents.ts'

test('documents of an emulated machine say so, and none says how precise its times are', async (t) => {
  const timing = (await realDocuments()).timing as Timing
  const report = recordedReport()
  const host = {...report.host, emulated: true} as const
  const ofTiming = renderAsMarkdown(timingView({...timing, host}))
  for (const text of [
    ofTiming,
    renderAsMarkdown(reportView({...report, host}, {log: null, sentences: []})),
  ]) {
    t.regex(text, /The machine was emulated/)
  }
  t.regex(ofTiming, /- uncertainty: not stated, because the machine was emulated\n/)
  t.notRegex(renderAsMarkdown(timingView(timing)), /emulated/)
})
