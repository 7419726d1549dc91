import {jsonText} from '../documents/json-text.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {namesNear} from '../near.ts'
import {allKinds} from '../views/kinds.ts'
import {jsonSchemaOf, type SchemaName, schemaNames} from './schemas.ts'

/** `rebind schema [NAME]`: the JSON Schema of a document, or the list of them. */
export async function schema(name: string | undefined): Promise<number> {
  if (name === undefined) {
    const width = Math.max(...schemaNames.map((each) => each.length))
    const lines = schemaNames.map((each) => `${each.padEnd(width)}  ${allKinds[each].title}`)
    process.stdout.write(`${lines.join('\n')}\n`)
    return exitStatus.asExpected
  }
  if (!isPublished(name)) {
    const [near] = namesNear(name, schemaNames)
    const proposed = near === undefined ? '' : `the closest is ${near}; `
    throw new UsageError(`unknown document "${name}"; ${proposed}all: ${schemaNames.join(', ')}`)
  }
  process.stdout.write(`${jsonText(await jsonSchemaOf(name), 2)}\n`)
  return exitStatus.asExpected
}

function isPublished(name: string): name is SchemaName {
  return (schemaNames as string[]).includes(name)
}
