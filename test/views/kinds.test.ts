import {documentKinds} from '../../harness/documents/kinds.ts'
import {renderAsMarkdown} from '../../harness/render/markdown.ts'
import {renderForTerminal} from '../../harness/render/terminal.ts'
import {renderHtml} from '../../harness/views/html/render.ts'
import {viewOf} from '../../harness/views/views.ts'
import {test} from '../declare.ts'
import {realDocuments} from '../documents/documents.ts'

const documents = Object.values(await realDocuments())

for (const format of Object.keys(documentKinds)) {
  test(`${format} has a view, which each of the three renderers turns into text`, async (t) => {
    const document = documents.find((each) => each.format === format)
    if (document === undefined) return t.fail('there is no document of it to show')
    const view = await viewOf(document, {log: null, sentences: []})
    for (const text of [
      renderForTerminal(view, 80),
      renderAsMarkdown(view),
      await renderHtml([document]),
    ]) {
      t.true(text.trim().split('\n').length > 3)
    }
  })
}
