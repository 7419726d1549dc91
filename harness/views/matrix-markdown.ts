import type {Matrix} from '../documents/matrix-schema.ts'
import {literal} from '../render/markdown.ts'
import {gridLines, gridsOf, onlyMark} from './matrix-grid.ts'
import {
  agreementWords,
  type CellGroup,
  disagreements,
  gridTitle,
  leftOutLines,
  legend,
  matrixTitle,
  untried,
} from './matrix-words.ts'

/** The bind table as GitHub-flavoured Markdown. */
export function renderMatrixMarkdown(matrix: Matrix): string {
  const pictures = gridsOf(matrix).flatMap((grid) => {
    const lines = onlyMark(grid) === undefined ? ['```text', ...gridLines(grid), '```', ''] : []
    return [`## ${literal(gridTitle(grid))}`, '', ...lines]
  })
  return [
    '# Bind table',
    '',
    `${literal(matrixTitle(matrix))}. **${literal(agreementWords(matrix))}.**`,
    '',
    // A picture's marks are in code, these are not.
    ...legend.map((line) => literal(line)),
    '',
    ...pictures,
    ...section('Left out, because this machine does not have the address', leftOutLines(matrix)),
    ...groups('Otherwise than the rules say', disagreements(matrix)),
    ...groups('Could not be tried', untried(matrix)),
  ].join('\n')
}

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return []
  return [`## ${title}`, '', ...lines.map((line) => `- ${literal(line)}`), '']
}

function groups(title: string, all: readonly CellGroup[]): string[] {
  if (all.length === 0) return []
  return [
    `## ${title}`,
    '',
    ...all.flatMap(({heading, cells}) => [
      `${literal(heading)}:`,
      '',
      ...cells.map((cell) => `- ${literal(cell)}`),
      '',
    ]),
  ]
}
