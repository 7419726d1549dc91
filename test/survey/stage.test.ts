import {isAbsolute} from 'node:path'
import {commandFor} from '../../harness/survey/stage.ts'
import {test} from '../declare.ts'

test('a program is looked for by its name, and a path is left as it is', (t) => {
  const [found = '', ...args] = commandFor(['sh', '-c', 'true'], null)
  t.true(isAbsolute(found))
  t.deepEqual(args, ['-c', 'true'])
  t.deepEqual(commandFor(['./sh', '-c', 'true'], null), ['./sh', '-c', 'true'])
})
