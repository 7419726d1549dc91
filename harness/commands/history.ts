import {historySchema} from '../documents/history-schema.ts'
import {makeRunFolder} from '../documents/run-folder.ts'
import {historyOf} from '../history/history.ts'
import {readRecords} from '../history/read.ts'
import {printable} from '../text.ts'
import {writeDocuments} from '../views/write.ts'
import {type OutputOptions, openOutputs, reportAtOnce} from './outputs.ts'

export interface HistoryOptions extends OutputOptions {
  out: string
}

/** `rebind history PATH...`: many runs over time. */
export async function history(paths: string[], options: HistoryOptions): Promise<number> {
  const outputs = await openOutputs(options, {
    noVerdict: 'history shows and judges nothing; judge with rebind compare --baseline-last',
  })
  const document = historySchema.parse(historyOf(await readRecords(paths)))
  const folder = await makeRunFolder(options.out, new Date())
  return reportAtOnce(document, outputs, async () => {
    await writeDocuments(folder, [document])
    process.stderr.write(`History: ${printable(folder.path)}\n`)
  })
}
