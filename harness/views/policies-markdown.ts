import type {Policies} from '../documents/policies-schema.ts'
import {hostWords} from '../documents/words.ts'
import {policyCells, policyTitles, premises} from './policies-words.ts'
import {literal, row, section} from './report-markdown.ts'

/** What restart policies make of the wait, as GitHub-flavoured Markdown. */
export function renderPoliciesMarkdown(document: Policies): string {
  const {host, policies} = document
  const notes = policies.flatMap(({title, note}) =>
    note === undefined ? [] : [`**${literal(title)}**: ${literal(note)}`],
  )
  return [
    '# Rebind policies',
    '',
    ...[hostWords(host), ...premises(document)].map((line) => `- ${literal(line)}`),
    '',
    row(policyTitles),
    row(policyTitles.map(() => '---')),
    ...policies.map((policy) => row(policyCells(policy).map(literal))),
    '',
    ...section('Notes', notes),
  ].join('\n')
}
