import type {Policies} from '../../documents/policies-schema.ts'
import {hostWords} from '../../documents/words.ts'
import {html} from '../../render/html/markup.ts'
import {type Article, list, section, table} from '../../render/html/page.ts'
import {policyCells, policyTitles, premises} from '../policies-words.ts'

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
