import {register} from 'node:module'
import {MessageChannel, receiveMessageOnPort} from 'node:worker_threads'
import test from 'ava'
import {renderHtml} from '../../harness/views/html/render.ts'
import {realDocuments} from '../documents/documents.ts'

/** Sends each package that is imported from now on. */
const hooks = `let port
export const initialize = (data) => { port = data.port }
export const resolve = (specifier, context, next) => {
  port.postMessage(specifier)
  return next(specifier, context)
}`

test('the charting library is loaded for a page with a histogram or lines only', async (t) => {
  const {report, matrix, policies, check, judgement, timing} = await realDocuments()
  const plain = [report, matrix, policies, check, judgement].flatMap((document) => document ?? [])
  t.is(plain.length, 5)

  const {port1: imports, port2: port} = new MessageChannel()
  const ofHooks = `data:text/javascript,${encodeURIComponent(hooks)}`
  register(ofHooks, {data: {port}, transferList: [port]})
  const imported = () => {
    const specifiers: unknown[] = []
    for (let next = receiveMessageOnPort(imports); next; next = receiveMessageOnPort(imports)) {
      specifiers.push(next.message)
    }
    return specifiers
  }

  await renderHtml(plain)
  t.false(imported().includes('vega'))
  const page = await renderHtml(timing === undefined ? [] : [timing])
  t.true(imported().includes('vega'))
  t.regex(page, /<svg/)
  imports.close()
})
