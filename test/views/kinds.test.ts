import {readdirSync, readFileSync} from 'node:fs'
import {join, relative} from 'node:path'
import {renderAsMarkdown} from '../../harness/render/markdown.ts'
import {renderForTerminal} from '../../harness/render/terminal.ts'
import {renderHtml} from '../../harness/views/html/render.ts'
import {
  allKinds,
  kindOf,
  type ShownDocument,
  shownKinds,
  viewOf,
} from '../../harness/views/kinds.ts'
import {projectFolder} from '../commands/cli.ts'
import {test} from '../declare.ts'
import {realDocuments} from '../documents/documents.ts'
import {printedDocuments} from './golden-outputs.ts'

const documents: ShownDocument[] = [
  ...Object.values(await realDocuments()),
  ...Object.values(printedDocuments()),
]

for (const name of Object.keys(shownKinds)) {
  test(`${name} has a view, which each of the three renderers turns into text`, async (t) => {
    const document = documents.find((each) => kindOf(each).name === name)
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

test('a kind is named in its schema, and in one row; its test cases are the only other table', (t) => {
  const formats = Object.keys(allKinds).map((name) => `rebind-${name}`)
  const naming = readdirSync(join(projectFolder, 'harness'), {
    recursive: true,
    encoding: 'utf8',
    withFileTypes: true,
  })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => {
      const text = readFileSync(file, 'utf8')
      return formats.filter((format) => text.includes(`'${format}'`)).length > 2
    })
    .map((file) => relative(projectFolder, file))
  t.deepEqual(naming, ['harness/feeds/suite.ts'])
})
