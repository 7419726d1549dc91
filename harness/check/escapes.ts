import {UsageError} from '../errors.ts'

const named: Record<string, string> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '0': '\0',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

/**
 * The bytes that `--send` means: `\r \n \t \0 \\`, `\xHH` for a byte and `\uHHHH` for a character, much
 * as printf(1) has them.
 * @throws UsageError for an escape that is none of these
 */
export function unescapeText(text: string): Buffer {
  const parts: Buffer[] = []
  // Characters outside the basic plane are written as two \u, which mean something only together.
  for (const [part] of text.matchAll(/\\x[0-9a-f]{2}|(?:\\u[0-9a-f]{4})+|\\[\s\S]?|[^\\]+/gi)) {
    if (/^\\x./i.test(part)) parts.push(Buffer.from(part.slice(2), 'hex'))
    else if (/^\\u./i.test(part)) {
      const units = part.slice(2).split(/\\u/i)
      const text = units.map((hex) => String.fromCharCode(Number.parseInt(hex, 16))).join('')
      parts.push(Buffer.from(text))
    } else if (part.startsWith('\\')) {
      const meant = named[part.slice(1)]
      if (meant === undefined) {
        throw new UsageError(
          `--send: "${part}" is not a valid escape; use \\r \\n \\t \\0 \\\\ \\xHH and \\uHHHH`,
        )
      }
      parts.push(Buffer.from(meant))
    } else parts.push(Buffer.from(part))
  }
  return Buffer.concat(parts)
}
