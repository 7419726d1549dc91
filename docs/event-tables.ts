/** What the log of a run holds, as tables made from the schema of its lines. */
import {z} from 'zod'
import {lineFields, loggedEvents} from '../harness/restart/log-lines.ts'
import {table} from './markdown-table.ts'

/** What every line has, and then a row per event and one per field of it. */
export function eventTables(): string {
  const common = fieldsOf(
    z.looseObject({event: z.string().describe('What happened'), ...lineFields}),
  )
  const rows = Object.entries(loggedEvents).flatMap(([event, schema]) => [
    [`**\`${event}\`**`, '', schema.description ?? ''],
    ...fieldsOf(schema)
      .filter(([name]) => name !== '`event`' && !common.some(([known]) => known === name))
      .map(([name, description]) => ['', name, description]),
  ])
  return [
    table(['every line', ''], common),
    table(['event', 'field', 'when it is written; what the field is'], rows),
  ].join('\n\n')
}

function fieldsOf(schema: z.ZodObject): [name: string, description: string][] {
  const {properties = {}, required = []} = z.toJSONSchema(schema)
  return Object.entries(properties).map(([name, property]) => {
    const {description = ''} = property as {description?: string}
    const optional = required.includes(name) ? '' : ' (optional)'
    return [`\`${name}\``, `${description}${optional}`.replaceAll('|', '\\|')]
  })
}
