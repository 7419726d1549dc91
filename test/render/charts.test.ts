import test from 'ava'
import {renderHtml} from '../../harness/views/html/render.ts'
import {realDocuments} from '../documents/documents.ts'

test('the charting library is loaded for a page with a chart only', async (t) => {
  const {policies, check, judgement, timing} = await realDocuments()
  const plain = [policies, check, judgement].flatMap((document) => document ?? [])
  t.is(plain.length, 3)
  await renderHtml(plain)
  t.false('vega' in globalThis)
  const page = await renderHtml(timing === undefined ? [] : [timing])
  t.true('vega' in globalThis)
  t.regex(page, /<svg/)
})
