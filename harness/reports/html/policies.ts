import type {Policies} from '../policies-schema.ts'
import {policyCells, policyTitles, premises} from '../policies-words.ts'
import {hostWords} from '../words.ts'
import {html} from './markup.ts'
import {type Article, list, section, table} from './page.ts'

/** The page of `rebind policies`: the table of the supervisors. */
export function policiesArticle(document: Policies): Article {
  const {host, policies} = document
  const notes = policies.flatMap(({title, note}) =>
    note === undefined ? [] : [html`<strong>${title}:</strong> ${note}`],
  )
  return {
    title: 'What restart policies make of the wait',
    body: html`${list([hostWords(host), ...premises(document)])}
${table('Restart policies', policyTitles, policies.map(policyCells))}
${section('Notes', list(notes))}`,
  }
}
