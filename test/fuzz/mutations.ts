/** What may become of real text on its way to us. */
import fc from 'fast-check'

/** Characters and numbers that something is likely to stumble over. */
const fragments = [
  ...[
    '',
    ' ',
    '\0',
    '\b',
    '\t',
    '\r',
    '\n',
    '\r\n',
    '\u001b[2J',
    '\u001b]8;;http://x\u0007',
    '\u009b',
  ],
  ...['\u202e', '\u2066', '\u2028', '\ufeff', '\ud800', '\udfff', '�', '世', '🔌', 'ß', '\u0301'],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length'],
  ...[
    'NaN',
    'Infinity',
    '-0',
    '-1',
    '1e999',
    '1e-999',
    '1e308',
    '0x1F',
    '9'.repeat(40),
    '65536',
    '1,5',
    '٣',
  ],
  ...[
    'null',
    'true',
    '{}',
    '[]',
    '"',
    "'",
    '`',
    '\\',
    '/',
    '../',
    '%0A',
    '::error::',
    '<b>',
    '|',
    '#',
  ],
  ...['[', '{', ']', '}', ',', ':', '-', '.', '*', '->', '(', ')'],
] as const

const fragment = fc.constantFrom(...fragments)

/** One change of some bytes; `at` is taken modulo their length. */
type Edit = (bytes: Buffer) => Buffer

const place = fc.nat(1_000_000)
const edit: fc.Arbitrary<Edit> = fc.oneof(
  // Cut off anywhere, in the middle of a character, too.
  place.map((at) => (bytes: Buffer) => bytes.subarray(0, at % (bytes.length + 1))),
  fc.tuple(place, fragment).map(
    ([at, text]) =>
      (bytes: Buffer) =>
        spliced(bytes, at, 0, Buffer.from(text)),
  ),
  fc.tuple(place, fc.uint8Array({maxLength: 4})).map(
    ([at, inserted]) =>
      (bytes: Buffer) =>
        spliced(bytes, at, inserted.length, Buffer.from(inserted)),
  ),
  fc.tuple(place, fc.nat(40)).map(
    ([at, length]) =>
      (bytes: Buffer) =>
        spliced(bytes, at, length, Buffer.alloc(0)),
  ),
  fc
    .tuple(place, fc.nat(60), fc.integer({min: 1, max: 200}))
    .map(([at, length, times]) => (bytes: Buffer) => {
      const start = at % (bytes.length + 1)
      const part = bytes.subarray(start, start + length)
      return spliced(bytes, at, 0, Buffer.concat(Array(times).fill(part)))
    }),
  fc.constantFrom<Edit>(
    (bytes) => Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'),
    (bytes) => Buffer.concat([Buffer.from('\ufeff'), bytes]),
    (bytes) => Buffer.from(bytes.toString(), 'utf16le'),
    (bytes) => Buffer.concat([bytes, Buffer.from('\n}garbage')]),
    (bytes) => Buffer.concat([bytes, bytes]),
  ),
)

function spliced(bytes: Buffer, at: number, removed: number, inserted: Buffer): Buffer {
  const start = at % (bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, start), inserted, bytes.subarray(start + removed)])
}

/** Bytes of one of the samples, changed in a few places; now and then bytes of no sample. */
export function mutatedBytes(samples: readonly string[]): fc.Arbitrary<Buffer> {
  const origin = fc.oneof(
    {weight: 19, arbitrary: fc.constantFrom(...samples).map((text) => Buffer.from(text))},
    {weight: 1, arbitrary: fc.uint8Array({maxLength: 300}).map((bytes) => Buffer.from(bytes))},
  )
  return fc
    .tuple(origin, fc.array(edit, {maxLength: 4}))
    .map(([bytes, edits]) => edits.reduce<Buffer>((changed, each) => each(changed), bytes))
}

export function mutatedText(samples: readonly string[]): fc.Arbitrary<string> {
  return mutatedBytes(samples).map((bytes) => bytes.toString())
}

/** Text for one field or argument: of the samples, or anything. */
export function hostileText(samples: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(
    mutatedText(samples),
    fc.array(fragment, {maxLength: 4}).map((parts) => parts.join('')),
    fc.string({unit: 'binary', maxLength: 40}),
  )
}

const word = fc.oneof(
  fragment,
  fc.constantFrom('delayed', 'blocked', 'failed', 'skipped', 'granted', 'gvisor', 'TIME_WAIT'),
  fc.constantFrom('dual', '::1', '127.0.0.1', 'SIGTERM', '2026-11-26T00:00:00.000Z'),
)
const scalar = fc.oneof(
  word,
  fc.constantFrom(null, true, false, 0, -0, -1, 0.5, 1e21, 1e308, 2 ** 31, 2 ** 53, 65_536),
  fc.integer(),
)
const value: fc.Arbitrary<unknown> = fc.oneof(
  {weight: 6, arbitrary: scalar},
  {weight: 1, arbitrary: fc.array(scalar, {maxLength: 3})},
  {weight: 1, arbitrary: fc.dictionary(word, scalar, {maxKeys: 3})},
  // As long or as deep as nothing of ours.
  {weight: 1, arbitrary: fc.constantFrom('x'.repeat(5000), nested(3000))},
)

function nested(depth: number): unknown {
  let value: unknown = []
  for (let level = 0; level < depth; level++) value = [value]
  return value
}

/** A change of a value somewhere inside: `way` leads there, each step modulo the number of members. */
interface Change {
  way: number[]
  kind: 'drop' | 'replace' | 'repeat' | 'rename' | 'add'
  name: string
  put: unknown
}

const change: fc.Arbitrary<Change> = fc.record({
  way: fc.array(fc.nat(50), {minLength: 1, maxLength: 6}),
  kind: fc.constantFrom('drop', 'replace', 'replace', 'repeat', 'rename', 'add'),
  name: word,
  put: value,
})

/** One of the samples with values dropped, retyped, repeated and renamed. */
export function mutatedValue(samples: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc
    .tuple(fc.constantFrom(...samples), fc.array(change, {maxLength: 3}))
    .map(([sample, changes]) =>
      changes.reduce((changed, each) => changedAt(changed, each.way, each), sample),
    )
}

function changedAt(value: unknown, [step = 0, ...way]: readonly number[], change: Change): unknown {
  if (typeof value !== 'object' || value === null) return change.put
  const members = Object.entries(value)
  const index = step % (members.length + 1)
  const [name, member] = members[index] ?? [change.name, change.put]
  const isLast = way.length === 0 || typeof member !== 'object' || member === null
  if (!isLast) members[index] = [name, changedAt(member, way, change)]
  else if (change.kind === 'drop') members.splice(index, 1)
  else if (change.kind === 'replace') members[index] = [name, change.put]
  else if (change.kind === 'repeat') members.splice(index, 0, [name, member])
  else if (change.kind === 'rename') members[index] = [change.name, member]
  else members.push([change.name, change.put])
  // Not by assignment: one of the names is __proto__.
  return Array.isArray(value) ? members.map(([, each]) => each) : Object.fromEntries(members)
}

/** The same as JSON, which may then be garbled, too, and may hold numbers that JavaScript does not write. */
export function mutatedJson(samples: readonly unknown[]): fc.Arbitrary<Buffer> {
  const number = fc.constantFrom(
    '1e999',
    '-1e999',
    '1e-400',
    `${'9'.repeat(400)}`,
    '-0',
    '01',
    'NaN',
  )
  const edits = fc.oneof(
    {weight: 3, arbitrary: fc.constant([])},
    {weight: 1, arbitrary: fc.array(edit, {maxLength: 2})},
    {
      weight: 1,
      arbitrary: fc.tuple(number, fc.nat(30)).map(([text, which]) => [
        (bytes: Buffer) => {
          let seen = 0
          return Buffer.from(
            bytes
              .toString()
              .replace(/(?<=[:,[])-?\d+(\.\d+)?/g, (found) => (seen++ === which ? text : found)),
          )
        },
      ]),
    },
  )
  return fc
    .tuple(mutatedValue(samples), edits)
    .map(([value, changes]) =>
      changes.reduce<Buffer>(
        (bytes, each) => each(bytes),
        Buffer.from(JSON.stringify(value) ?? ''),
      ),
    )
}
