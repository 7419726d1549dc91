/**
 * What a terminal obeys or shows in another order though JSON allows it raw: controls of one byte, line
 * separators, direction marks; and the beginning of what GitHub's runner takes for a command.
 */
const active = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|##(?=\[)/g

/** Of a JSON text, one that a terminal shows as it is, and that parses to the same value. */
export function inertJson(json: string): string {
  // Outside of strings no JSON text has any of them.
  return json.replace(active, (found) =>
    found === '##' ? '#\\u0023' : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** JSON that may be printed or written, of a document that may quote anybody. */
export function jsonText(value: unknown, indent?: number): string {
  return inertJson(JSON.stringify(value, null, indent))
}
