import {unescapeText} from '../../harness/check/escapes.ts'
import {test} from '../declare.ts'

const texts: [text: string, bytes: string | number[]][] = [
  ['', ''],
  ['plain text', 'plain text'],
  ['GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a\\tb\\\\n', 'a\tb\\n'],
  ['\\x00\\xff\\0', [0, 255, 0]],
  ['\\u00e9\\ud83d\\ude00', 'é😀'],
]
for (const [text, bytes] of texts) {
  test(`--send ${JSON.stringify(text)} means the right bytes`, (t) => {
    t.deepEqual(unescapeText(text), Buffer.from(bytes as string))
  })
}

for (const text of ['\\q', '\\x4', '\\u12', 'end\\']) {
  test(`--send ${JSON.stringify(text)} is bad usage`, (t) => {
    t.throws(() => unescapeText(text), {name: 'UsageError', message: /is not a valid escape/})
  })
}
