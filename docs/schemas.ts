/** Writes the JSON Schemas that the package publishes: docs/schemas.ts FOLDER. */
import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {jsonSchemaOf, schemaNames} from '../harness/commands/schemas.ts'
import {jsonText} from '../harness/documents/json-text.ts'

const [folder = join('dist', 'schemas')] = process.argv.slice(2)
await mkdir(folder, {recursive: true})
for (const name of schemaNames) {
  await writeFile(join(folder, `${name}.json`), `${jsonText(await jsonSchemaOf(name), 2)}\n`)
}
