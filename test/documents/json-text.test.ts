import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import {openEventLog} from '../../harness/documents/event-log.ts'
import {jsonText} from '../../harness/documents/json-text.ts'
import {makeRunFolder} from '../../harness/documents/run-folder.ts'
import {writeDocuments} from '../../harness/views/write.ts'
import {temporaryFolder} from '../commands/cli.ts'
import {test} from '../declare.ts'
import {hostileText, recordedReport} from './documents.ts'

const harmful =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|##\[/

const text = `${hostileText}##[error]a###[b]\u0085\u007f\u200e世🔌\\u009b`

for (const indent of [undefined, 2]) {
  test(`JSON with ${indent ?? 'no'} indent holds nothing raw that a terminal obeys, and parses to the same value`, (t) => {
    const value = {[text]: [text, {a: text}], plain: 'Grüße'}
    const json = jsonText(value, indent)
    t.notRegex(json, harmful)
    t.deepEqual(JSON.parse(json), value)
    t.true(json.includes('Grüße'))
  })
}

test('so do the files of a run folder', async (t) => {
  const folder = await makeRunFolder(temporaryFolder(t), new Date())
  const events = openEventLog(folder.events, folder.id, 0)
  events.write('warning', {at: 0, message: text})
  events.close()
  const report = {...recordedReport(), results: []}
  await writeDocuments(folder, [{...report, run: {...report.run, command: [text]}}])
  const read = (name: string) => readFileSync(join(folder.path, name), 'utf8')
  t.notRegex(read('events.ndjson'), harmful)
  t.notRegex(read('report.json'), harmful)
  t.is(JSON.parse(read('events.ndjson')).message, text)
  t.is(JSON.parse(read('report.json')).run.command[0], text)
})
