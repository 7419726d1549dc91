import {csvOf} from '../../harness/feeds/csv.ts'
import {test} from '../declare.ts'

test('no text of a row is a formula to a spreadsheet; numbers stay numbers', (t) => {
  for (const formula of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '\u001b[0m=1']) {
    const [line = ''] = csvOf([[formula]]).split('\r\n')
    t.regex(line, /^' ?[=+@-]/, JSON.stringify(formula))
  }
  t.is(csvOf([['=HYPERLINK("x","y")']]), `"'=HYPERLINK(""x"",""y"")"\r\n`)
  t.is(
    csvOf([[-1, 0.5, null, true, 'TIME_WAIT', 'a, "b"']]),
    '-1,0.5,,true,TIME_WAIT,"a, ""b"""\r\n',
  )
})
