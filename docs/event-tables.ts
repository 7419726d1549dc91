/** What the log of a run holds, as tables made from the schema of its lines. */
import * as z from 'zod'
import type {Cell, Table} from '../harness/render/model.ts'
import {lineFields, loggedEvents} from '../harness/restart/log-lines.ts'
import {printed} from './printed.ts'

/** What every line has, and then a row per event and one per field of it. */
export function eventTables(): string {
  const common = fieldsOf(
    z.looseObject({event: z.string().describe('What happened'), ...lineFields}),
  )
  const known = new Set(common.map(({name}) => name))
  const rows = Object.entries(loggedEvents).flatMap(([event, schema]): Cell[][] => [
    [[{strong: event}], '', schema.description ?? ''],
    ...fieldsOf(schema)
      .filter(({name}) => !known.has(name))
      .map(({name, description}): Cell[] => ['', [{code: name}], description]),
  ])
  return printed([
    table(
      ['every line', 'what it is'],
      common.map(({name, description}) => [[{code: name}], description]),
    ),
    table(['event', 'field', 'when it is written; what the field is'], rows),
  ])
}

function table(columns: readonly string[], rows: readonly (readonly Cell[])[]): Table {
  return {kind: 'table', label: '', columns, rows}
}

function fieldsOf(schema: z.ZodObject): {name: string; description: string}[] {
  const {properties = {}, required = []} = z.toJSONSchema(schema)
  return Object.entries(properties).map(([name, property]) => {
    const {description = ''} = property as {description?: string}
    return {name, description: `${description}${required.includes(name) ? '' : ' (optional)'}`}
  })
}
