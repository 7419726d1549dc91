import * as z from 'zod'
import {allKinds} from '../views/kinds.ts'

export type SchemaName = keyof typeof allKinds
export const schemaNames = Object.keys(allKinds) as SchemaName[]

/** The JSON Schema (2020-12) of a document, made from the schema that writes and reads it. */
export async function jsonSchemaOf(name: SchemaName): Promise<Record<string, unknown>> {
  const {title, schema} = allKinds[name]
  const {$schema, ...rest} = z.toJSONSchema(await schema())
  // A name, not an address: wherever the package is, this is its schema of this version.
  return {$schema, $id: `urn:rebind:schema:${name}:1`, title: `Rebind: ${title}`, ...rest}
}
