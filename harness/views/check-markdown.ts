import type {CheckDocument} from '../documents/check-schema.ts'
import {hostWords} from '../documents/words.ts'
import {
  errorWords,
  listenedWords,
  reuseaddrWords,
  roundColumns,
  safetyWords,
  subjectWords,
} from './check-words.ts'
import {literal, row, section} from './report-markdown.ts'

/** A check as GitHub-flavoured Markdown. */
export function renderCheckMarkdown(document: CheckDocument): string {
  const {rounds, advice, host} = document
  const table =
    rounds.length === 0
      ? []
      : [
          row(roundColumns.map(([title]) => title)),
          row(roundColumns.map(() => '---')),
          ...rounds.map((round, index) =>
            row(roundColumns.map(([, cell]) => literal(cell(round, index)))),
          ),
          '',
          literal(reuseaddrWords(document)),
          '',
        ]
  const errors = rounds.flatMap((round) => round.errors)
  return [
    `# Rebind check of ${literal(subjectWords(document))}`,
    '',
    `${literal(hostWords(host))}. **${literal(safetyWords(document))}.**`,
    '',
    ...table,
    ...section(
      'What the server said',
      errors.map((error) => literal(errorWords(error))),
    ),
    ...section('What to do', advice.map(literal)),
    ...section('Who listened, since the first start', rounds.flatMap(listenedWords).map(literal)),
  ].join('\n')
}
