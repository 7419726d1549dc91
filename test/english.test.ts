/** Phrases that read like a translation, anywhere a person reads, and what a colleague would say instead. */
import {readdirSync, readFileSync} from 'node:fs'
import {join, relative} from 'node:path'
import {projectFolder} from './commands/cli.ts'
import {test} from './declare.ts'

const phrases: [phrase: RegExp, plain: string][] = [
  [/(?<!\bthere )\b(is|are|was|were) no (?!longer\b|more than\b|less than\b|such\b)/, 'is not a'],
  [/\banew\b/, 'again'],
  [/\bbesides\b/, 'also, in addition to'],
  [/\b(to|cannot|can|could|may) be had\b/, 'available, get'],
  [/\b(is|are) had at once\b/, 'is granted at once'],
  [/\bfor the time(,| being as)/, 'temporarily'],
  [/\botherwise than\b/, 'differently from, other than'],
  [/\bwent otherwise\b/, 'was unexpected'],
  [/\b(is|are|was|were) told( in| as such| by|[,;.:]|$)/, 'is reported'],
  [
    /\bone an? (row|line|file|room|page|port|command|part)\b|\ba file an? (kind|command)\b/,
    'one per',
  ],
  [/\blest\b/, 'so that ... not'],
  [/\bat hand\b/, 'your machine, available'],
  [/\bby a fault of its own\b/, 'internal error'],
  [/\bcan(not| not) be \(/, 'invalid'],
  [/\b(is|was|were|are) to (write|be written|start again|fail)\b/, 'should have, was about to'],
  [/\bno process of ours\b/, 'unexpected'],
  [/\bset back\b/, 'restored'],
  [/\bnot looked at\b/, 'not observed'],
  [/\bcannot be told\b/, 'is unknown'],
  [/\bof its making\b|\bin its stead\b|\bthereof\b|\bwhereof\b/, 'of it'],
  [/\bputs? itself into the background\b/, 'daemonizes'],
  [/\bhas nothing to do with us\b/, 'does not concern us'],
  [/\bis dear\b|\bdearly\b/, 'is expensive'],
  [/\bto look at is\b/, 'to see is'],
]

/** Texts that use a phrase rightly, with the reason. */
const exceptions: [file: string, text: string, reason: string][] = []

const files = [
  ...['README.md', 'SECURITY.md', 'CHANGELOG.md'],
  ...['docs', 'harness', 'scenarios'].flatMap((folder) =>
    readdirSync(join(projectFolder, folder), {
      recursive: true,
      encoding: 'utf8',
      withFileTypes: true,
    })
      .filter((entry) => entry.isFile() && /\.(md|ts)$/.test(entry.name))
      .map((entry) => relative(projectFolder, join(entry.parentPath, entry.name))),
  ),
]

/** The text as it is read: lines that are one sentence together, without the signs of comments, lists and samples. */
function prose(file: string): string {
  const text = readFileSync(join(projectFolder, file), 'utf8')
  const claims = file === 'SECURITY.md' ? text.slice(0, text.indexOf('## Tests')) : text
  return claims.replace(/\n\s*(\*|\/\/|-|>)?[ \t]*/g, ' ')
}

test('nothing that a person reads has a phrase of the list', (t) => {
  t.true(files.length > 100)
  const found = files.flatMap((file) => findingsIn(file, prose(file)))
  t.deepEqual(found, [])
})

test('the list finds its phrases, also over the end of a line', (t) => {
  const text = 'FILE is no\n * scenario, lest it be so'.replace(/\n \* /, ' ')
  t.deepEqual(findingsIn('some.ts', text).length, 2)
  t.deepEqual(findingsIn('some.ts', 'it is no longer there, and is not a scenario'), [])
})

test('every exception is still needed', (t) => {
  const unneeded = exceptions.filter(([file, text]) => !prose(file).includes(text))
  t.deepEqual(unneeded, [])
})

function findingsIn(file: string, text: string): string[] {
  return phrases.flatMap(([phrase, plain]) =>
    [...text.matchAll(new RegExp(phrase, 'gi'))]
      .map(({index, 0: match}) => ({
        match,
        around: text.slice(Math.max(0, index - 40), index + 60),
      }))
      .filter(
        ({around}) => !exceptions.some(([name, known]) => name === file && around.includes(known)),
      )
      .map(({match, around}) => `${file}: "${match.trim()}" (${plain}): ...${around}...`),
  )
}
