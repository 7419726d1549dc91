import {columnsOf, wrap, wrapSentences} from '../../harness/render/wrap.ts'
import {test} from '../declare.ts'

test('a sentence is broken between words, and its further lines hang', (t) => {
  t.is(wrap('- one two three four', 12), '- one two\n  three four')
  t.is(wrap('  one two three', 9, '    '), '  one two\n    three')
})

test('a word that is longer than a line is left whole, on a line of its own', (t) => {
  t.is(wrap('see net/ipv4/inet_hashtables.c now', 10), 'see\n  net/ipv4/inet_hashtables.c\n  now')
})

test('what fits, and what is not for a terminal, is left as it is', (t) => {
  t.is(wrap('  a  b', 6), '  a  b')
  t.is(wrap('a '.repeat(500), undefined), 'a '.repeat(500))
})

test('of several lines only sentences are wrapped, not tables', (t) => {
  t.deepEqual(wrapSentences(['a  long  row', '- a long one'], 8), [
    'a  long  row',
    '- a long\n  one',
  ])
})

test('a terminal that says it has no columns is as wide as one that says nothing', (t) => {
  t.is(columnsOf({columns: 0}), undefined)
  t.is(columnsOf({}), undefined)
  t.is(columnsOf({columns: 40}), 40)
})
