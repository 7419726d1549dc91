import {parsePasswd, userName} from '../../harness/platforms/users.ts'
import {test} from '../declare.ts'

test('uid 0 has its name, and one that nobody has has none', (t) => {
  t.is(userName(0), 'root')
  t.is(userName(2 ** 32 - 3), null)
})

test('the first of two names of a uid counts, and a malformed line is passed over', (t) => {
  const text = 'root:x:0:0:root:/root:/bin/bash\n:x:7:\ntoor:x:0:0::/:/bin/sh\njoe:x:501:\nx:y:z\n'
  t.deepEqual([...parsePasswd(text)].sort(), [
    [0, 'root'],
    [501, 'joe'],
  ])
})
