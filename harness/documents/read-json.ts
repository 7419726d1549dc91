import {constants} from 'node:fs'
import {open, stat} from 'node:fs/promises'
import {promisify} from 'node:util'
import {gunzip} from 'node:zlib'
import type * as z from 'zod'
import {toDotPath} from 'zod/v4/core'
import {UsageError} from '../errors.ts'
import {printable} from '../text.ts'

/** A full report is some 150 KB and a matrix some 2 MB; nothing of ours comes near this. */
const sizeLimitBytes = 16 * 1024 * 1024
/** In memory a value of two bytes, such as `[]`, takes fifty; the largest matrix holds some 80,000 values. */
const valueLimit = 500_000
const usualRemedy = 'name a report.json or matrix.json'
const shownCharacters = 120
const shownPathCharacters = 300

/**
 * Reads a JSON document that may come from anywhere.
 * @param remedy which file to name instead
 * @throws UsageError in one line that names the file and says what to do, whatever is wrong with it
 */
export async function readObject(
  file: string,
  remedy = usualRemedy,
): Promise<Record<string, unknown>> {
  return parse(file, await readText(file, remedy), remedy)
}

/** Whether a JSON text is small enough to be read back: nothing larger must be written. */
export function isReadable(text: string): boolean {
  return Buffer.byteLength(text) <= sizeLimitBytes && mostValuesIn(text) <= valueLimit
}

/**
 * Parses a JSON document of which a schema then copies a few fields, as one of thousands: whatever other keys it has,
 * none becomes one of an object of ours, so none is looked at, which would take most of the time.
 * @throws UsageError as `readObject` does
 */
export function parseFields(file: string, text: string, remedy: string): Record<string, unknown> {
  return parse(file, text, remedy, false)
}

/** How many values a JSON text holds at most: each but the first follows a comma or an opening bracket. */
export function mostValuesIn(text: string): number {
  let values = 1
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    // , [ {
    if (code === 0x2c || code === 0x5b || code === 0x7b) values++
  }
  return values
}

/**
 * The size is looked at before a byte is read, and only regular files are opened: a FIFO would hang.
 * @throws UsageError as `readObject` does
 */
export async function readText(file: string, remedy: string): Promise<string> {
  try {
    const {size} = await regularFile(file)
    if (size > sizeLimitBytes) {
      const megabytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`
      throw refused(
        file,
        `is ${megabytes(size)} large, but a rebind document never exceeds ${megabytes(sizeLimitBytes)}; ${remedy}`,
      )
    }
    const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const {buffer, bytesRead} = await handle.read(Buffer.alloc(size), 0, size, 0)
      const bytes = buffer.subarray(0, bytesRead)
      return new TextDecoder().decode(file.endsWith('.gz') ? await unzipped(file, bytes) : bytes)
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw error instanceof UsageError ? error : unreadable(file, error as NodeJS.ErrnoException)
  }
}

/** As documents lie in the package; never more than is read of one that is not compressed. */
async function unzipped(file: string, bytes: Uint8Array): Promise<Uint8Array> {
  try {
    return await promisify(gunzip)(bytes, {maxOutputLength: sizeLimitBytes})
  } catch (error) {
    const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    throw isTooLarge
      ? refused(file, 'is larger than any document of rebind once unpacked; do not use it')
      : refused(file, 'is not a complete gzip file; fetch it again')
  }
}

export async function regularFile(file: string) {
  const found = await stat(file)
  if (!found.isFile()) throw refused(file, 'is not a regular file; save the document to one')
  return found
}

/** Names that reach into the prototypes of objects; no document of rebind has them. */
const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype'])

class ForbiddenKey extends Error {}

function parse(
  file: string,
  text: string,
  remedy: string,
  looksAtKeys = true,
): Record<string, unknown> {
  if (text.trim() === '') {
    throw refused(
      file,
      'is empty: the run that should have written it did not finish; run it again',
    )
  }
  // Each takes a character; counting them all takes as long as parsing.
  if (text.length >= valueLimit && mostValuesIn(text) > valueLimit) {
    throw refused(
      file,
      `contains more than ${valueLimit} values, but no rebind document does; ${remedy}`,
    )
  }
  const value = parseJson(file, text, {remedy, looksAtKeys})
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refused(file, `is JSON, but not a rebind document; ${remedy}`)
  }
  return value as Record<string, unknown>
}

function parseJson(
  file: string,
  text: string,
  {remedy, looksAtKeys}: {remedy: string; looksAtKeys: boolean},
): unknown {
  try {
    if (!looksAtKeys) return JSON.parse(text)
    return JSON.parse(text, (key, value) => {
      if (forbiddenKeys.has(key)) throw new ForbiddenKey(key)
      return value
    })
  } catch (error) {
    if (error instanceof ForbiddenKey) {
      throw refused(
        file,
        `has a key "${error.message}", but no rebind document does; do not use it`,
      )
    }
    if (error instanceof RangeError) {
      throw refused(file, 'is nested deeper than any rebind document; do not use it')
    }
    throw isCutOff(error as Error, text)
      ? refused(file, 'is cut off in the middle; download it again, or repeat the run')
      : refused(file, `is not JSON; ${remedy}`)
  }
}

/** V8 says where it stopped in the message alone: nowhere in particular, or at the very end. */
function isCutOff({message}: Error, text: string): boolean {
  if (/end of JSON input|Unterminated string/.test(message)) return text.trimStart().startsWith('{')
  const position = /at position (\d+)/.exec(message)?.[1]
  return position !== undefined && Number(position) >= text.trimEnd().length
}

/** @throws UsageError that says where it breaks the schema */
export function validated<T>(file: string, schema: z.ZodType<T>, value: unknown): T {
  const {data, error} = schema.safeParse(value)
  if (error === undefined) return data as T
  const [issue] = error.issues
  const where =
    issue === undefined || issue.path.length === 0 ? '' : ` at ${shown(toDotPath(issue.path))}`
  throw refused(
    file,
    `is not a valid rebind document${where} (${shown(issue?.message ?? 'invalid')}); repeat the run that wrote it`,
  )
}

export function unreadable(path: string, {code}: NodeJS.ErrnoException): UsageError {
  return new UsageError(
    `cannot read ${shownPath(path)} (${code}); name a report.json, a matrix.json or a run folder`,
  )
}

export function refused(file: string, problem: string): UsageError {
  return new UsageError(`${shownPath(file)} ${printable(problem)}`)
}

/** A file's name is at its end. */
function shownPath(path: string): string {
  const plain = printable(path)
  return plain.length > shownPathCharacters ? `...${plain.slice(-shownPathCharacters)}` : plain
}

export function shown(text: string): string {
  const plain = printable(text)
  return plain.length > shownCharacters ? `${plain.slice(0, shownCharacters)}...` : plain
}
