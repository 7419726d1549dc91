/** What is measured on each system: the command's name is also that of its document. */
export interface Measurement {
  document: 'report' | 'matrix' | 'timing'
  args: readonly string[]
}

export const measurements: readonly Measurement[] = [
  {document: 'report', args: ['run']},
  {document: 'matrix', args: ['matrix']},
  {document: 'timing', args: ['timing', '--ports', '200']},
]
