import {suspectsOf} from '../../harness/why/suspects.ts'
import {test} from '../declare.ts'

test('on macOS, AirPlay Receiver is suspected of its two ports only', (t) => {
  for (const port of [5000, 7000]) t.regex(suspectsOf('darwin', port).join(), /AirPlay Receiver/)
  t.deepEqual(suspectsOf('darwin', 5001), [])
  t.deepEqual(suspectsOf('linux', 5000), [])
})

test('on Windows, a reserved range is suspected of any port, with the commands that show and end it', (t) => {
  const [text = ''] = suspectsOf('windows', 3000)
  t.regex(text, /netsh interface ipv4 show excludedportrange/)
  t.regex(text, /startport=3000 /)
})
